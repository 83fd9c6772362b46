"""Version 1's switches: module-level lists, which apps change at import time to say what an endpoint may do.

Kept for them. The names of ``service_dependencies`` in a group, and `ManagementEndpoints.check`, say it per app.
"""

cascading_checks: list[str] = []
"""Endpoints that ask every dependency of the app. ``liveness`` and ``ping`` never do, whatever stands here."""
checks_with_pluggable_functions: list[str] = ["health", "readiness", "version_function"]
"""What functions of ``Z_ENDPOINTS`` run. Without ``version_function``, ``/version`` is a 404."""
