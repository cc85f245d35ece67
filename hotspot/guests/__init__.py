"""Guests' devices, their consent, and the one-time credentials that let a device online.

A device is a pseudonym: a keyed hash of its MAC address. A *guest* is who an allowance counts for: the device itself, or the owner
of several. Consent is recorded before a credential is issued. A credential belongs to one site and one device, lives for a minute
and dies at first use; one conditional UPDATE decides who used it. Each decided log-in is an *admission*, refused or not; the user
name a router gave is kept in it, sealed, only while it is needed to end the session. This feature decides nothing about speed
or time: that is the site's settings and `radius.policy`.

A *voucher* is a printed code, a *resident's code* a personal one; either makes a *pass*, what its guest may have. Only keyed hashes of
them are kept. What a thief would gain by trying again and again is limited in `limits`, for all processes together.
"""
