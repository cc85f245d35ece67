"""Who works here and how they sign in.

There is no default password and no password at all yet: a one-time link, made on the command line, signs a browser in. Links and
log-ins are stored as hashes. What is opened by following a link never signs in by itself (mail scanners follow links): one button
does. Staff are never residents.
"""
