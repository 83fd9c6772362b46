"""What the user configured.

Read anew at every request, never failing, every mistake told by name with the nearest right one.
"""
