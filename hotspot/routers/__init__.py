"""The MikroTik boxes: who they are, where they stand, and the secret each shares with the RADIUS server.

A router is known by its source address and its identity (RouterOS ``/system/identity``, RADIUS NAS-Identifier), never by an
address that a packet or a query claims. Its secret is generated, sealed at rest and shown once. Routers know nothing of guests.
"""
