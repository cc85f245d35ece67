"""Questions about the past: usage by area and period, as tables and series.

Reads only, and only roll-ups for anything longer than a day. Figures are what the sessions say, never estimates; a figure that is
not known is null. Pages and files are made by others from the typed answers here.
"""
