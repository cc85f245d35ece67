"""RouterOS' scripting language, run against a simulated router: what ``.rsc`` files, scripts and schedulers hold.

`parser` makes a tree (`syntax`) of text, `values`, `operators` and `functions` know the language's values; these are pure. `evaluator`
walks the tree, `console` carries out a menu's command through the router's own door, `export` writes the configuration as text that
can be imported again, `fetch` asks the world by HTTP. As on the router an unknown command or argument is found only when it is
reached, so that ``:do { … } on-error={}`` can try what a version may lack; a text that is no script at all runs nothing. Every run is
bounded in steps, depth and sizes. ``:delay`` waits for nothing.
"""
