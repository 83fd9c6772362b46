"""`apphealth lint`: what is wrong with the probes in manifests, or in a cluster.

The rules are in `apphealth.lint`. Here they are given what was read, and what they find is written for people and for
machines, one module a format.
"""
