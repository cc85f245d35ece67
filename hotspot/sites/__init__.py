"""Sites — public places with Wi-Fi, each inside one kelurahan — and their settings.

A setting (SSID, terms, session length, speed, …) is given for an area or for one site and holds for everything below, until
something nearer says otherwise: kota → kecamatan → kelurahan → site. `settings.effective` answers with typed values, and each
value says where it came from. Sites know nothing of routers or guests.
"""
