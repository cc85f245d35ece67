"""The RADIUS server that the city's routers ask.

A *packet* is a parsed datagram, an *attribute* one field in it, a *credential* the one-time user name and password that the
portal handed to a device. An *answer* is Accept with limits, Reject with a reason, or silence.
`packet`, `attributes` and `policy` are pure. `server` owns the sockets, `reception` verifies, `service` and `reports` read; a `lane`
carries batches to the database, where `settle` decides log-ins and stores reports: most of both through a `pipeline` (for log-ins by the
`turnstile`), the others in a thread (for log-ins at the desk, `admitting`).
`control` goes the other way, and asks a router to end or change a session (`disconnect`).
It must never answer what it cannot authenticate, never acknowledge what is not committed, never trust an attribute to say which
router is speaking (the secret says that), and never crash on bytes.
Follows RFC 2865, 2866, 2869, 3162, 5080, 5176, 5997 and 6614; MikroTik's attributes are vendor 14988, WISPr's 14122.
"""
