"""MikroTik routers heard on a wire: who is out of the box on the staging bench, before anything of it is configured.

An **announcement** is a datagram of MNDP, the MikroTik Neighbor Discovery Protocol; the router that sent it is a **neighbour**;
a **refresh request** asks all of them to announce themselves now. `mndp` knows the octets, `sniffer` the wire, `service` remembers
who was heard, `kept` keeps them for the inbox. Everything a neighbour says is a claim of whoever is on the wire: it is shown, and never
trusted with more than that.
"""
