"""The MikroTik boxes: how they come in, who they are, where they stand, and the secrets each shares with us.

A router is known by its source address and its identity (RouterOS ``/system/identity``, RADIUS NAS-Identifier), never by an
address that a packet or a query claims. It enrols itself with a token or waits in the inbox, and is reached through its WireGuard tunnel alone.
What a box says of itself is a claim: only a token, its key and its certificate decide. Secrets are generated and sealed at rest; those for
a person are shown once. Routers know nothing of guests.

How a box should be is data (``router_configs``). `desired` fills it with a site's values, `plan` says what must change, `undo` how it is
taken back. Only rows with our mark are touched; no value from outside ever becomes a name, a path or code.
"""
