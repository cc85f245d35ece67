"""What a guest sees: terms, the city's information, one button, and the truth about being online.

No JavaScript, no cookie, no address outside: phones' captive mini-browsers have none of them. State is on the server, by site
and device. Everything a phone hands over is hostile until parsed; no page ever redirects to anything but the site's own router.
Themes are in ``portal_templates/``. The portal asks `guests` for credentials and never decides about RADIUS.
"""
