"""A simulated RouterOS: its menus, its commands and its API server, as strict as the router.

A *menu* ("/ip/hotspot/profile") has *rows*; a row has *attributes*, which the tables in ``tables/*.toml`` describe: type, default,
the versions that know it. A *sentence* asks for a command and is answered as a whole: a refused one changes nothing. State is made
of immutable values, so that safe mode, history and backups are references to a state that was. Only `server` knows asyncio and
sockets. Texts of traps are RouterOS's own where they are known. It never reaches out: /tool/fetch asks nobody unless it is given
somebody to ask.
"""
