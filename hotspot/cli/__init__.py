"""The command line: parse, open, call a service, print. No rules live here.

`main` gathers the commands, each group in a module of its own; `records` puts together those of areas, sites, routers, settings, staff, terms, banners
and broadcasts. `output` is what all share, `places` how a command names a site or an area. With ``--json`` a command prints JSON for
programs; without, a table or a sentence for people. An error is one line on standard error and an exit code by its family. ``--as`` names
whose decision it is and proves nothing: whoever may use the command line may do anything.
"""
