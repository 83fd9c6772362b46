"""Ownership: who owns a probe, what to do about it, and the patches that do it."""
