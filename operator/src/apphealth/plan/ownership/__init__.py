"""Ownership: whose a probe is, what to do about it, and the patches that do it."""
