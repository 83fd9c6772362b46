"""Manifests: finding files, reading the objects in them, and making a `World` of those that a decision reads.

Whatever is wrong with one file is remembered as a problem, and the others are still read. Nothing here decides
anything, and nothing here writes.
"""
