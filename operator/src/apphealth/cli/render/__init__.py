"""`apphealth render`: the operator's plans, written into manifests.

It adds probes, and with `existingProbes: Replace` it changes them. It never removes one: probes in a file belong to the
author of the file.
"""
