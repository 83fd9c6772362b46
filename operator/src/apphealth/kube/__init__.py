"""I/O on the API server: a thin client, and one module for each kind of object that the operator writes.

Nothing here decides what to write (see `plan`) or when (see `controller`), and nothing here knows kopf.
"""
