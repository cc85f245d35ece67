"""A city without hardware: hotspot gateways, their RADIUS clients, phones, and the demo city that uses them.

Each part behaves as the RouterOS facts say, as strictly as they are known, so that what works here works on a router. It listens
on loopback addresses only, is never loaded by ``hotspot serve``, and every page it shows says that it is a simulation.
"""
