"""`apphealth render`: the operator's decisions, written into manifests.

It adds, and with `existingProbes: Replace` it changes; it never takes anything away. What is in a file is its author's.
"""
