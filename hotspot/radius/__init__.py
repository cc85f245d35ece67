"""The RADIUS server that the city's routers ask.

A *packet* is a parsed datagram, an *attribute* one field in it, a *credential* the one-time user name and password that the
portal handed to a device. An *answer* is Accept with limits, Reject with a reason, or silence.
`packet`, `attributes` and `policy` are pure; `service` decides with the database; `server` owns the sockets and the commit;
`disconnect` goes the other way and asks a router to end or change a session.
It must never answer what it cannot authenticate, never acknowledge what is not committed, never trust an attribute to say which
router is speaking (the secret says that), and never crash on bytes.
Follows RFC 2865, 2866, 2869, 3162, 5080, 5176 and 5997; MikroTik's attributes are vendor 14988, WISPr's 14122.
"""
