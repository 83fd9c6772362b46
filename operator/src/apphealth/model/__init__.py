"""The cluster as values: workloads, containers, probes, Services. Parsed once from raw objects.

Nothing here decides (see `plan`), and nothing keeps a raw object.
Everything that comes from a cluster or a file is untrusted, so the parsers take any JSON value and leave out parts
that have the wrong shape.
"""
