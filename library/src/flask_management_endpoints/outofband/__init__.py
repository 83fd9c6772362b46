"""Liveness that answers when no worker can: a listener in gunicorn's arbiter, and the board on which workers report.

Nothing here is imported by an app; ``gunicorn.conf.py`` imports ``flask_management_endpoints.gunicorn``.
"""
