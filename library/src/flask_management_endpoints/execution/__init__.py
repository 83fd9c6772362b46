"""Running checks: in parallel, bounded in time and threads, each at most once at a time.

Knows nothing of Flask or HTTP.
"""
