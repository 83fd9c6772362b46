"""`apphealth lint`: what is wrong with the probes in manifests, or in a cluster.

The rules are in `apphealth.lint`. This package reads their input and writes their findings, one module for each format.
"""
