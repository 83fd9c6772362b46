"""Manifests: found, parsed, and put into the `World` that plans are made from.

What is wrong with one file is kept as a problem, and the other files are still read. Nothing is written here.
"""
