"""The command line: parse, open, call a service, print. No rules live here.

`main` gathers the commands: `serving` runs the product, `records` looks after areas, sites, routers, settings, staff and what
guests read. With ``--json`` a command prints one line of JSON for programs; without, a table or a sentence for people. An error
is one line on standard error and an exit code by its family.
"""
