"""Measurements and campaigns: how fast it is, and what it survives. Each is a module that `make` runs.

A benchmark ends with one line of JSON on stdout, a campaign with `N passed, N failed`; progress goes to stderr. They drive the
product from outside, through its sockets and its command line, and never share its code for judging its answers.
"""
