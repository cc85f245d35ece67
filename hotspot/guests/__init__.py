"""Guests' devices, their consent, and the one-time credentials that let a device online.

A device is a pseudonym: a keyed hash of its MAC address; the address itself is never stored. Consent is recorded before a
credential is issued. A credential belongs to one site and one device, lives for a minute and dies at first use; one conditional
UPDATE decides who used it. This feature decides nothing about speed or time: that is the site's settings and `radius.policy`.
"""
