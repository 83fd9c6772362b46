"""The cluster as values: workloads, containers, probes, Services. Parsed once from raw objects.

Nothing here decides (see `plan`), and nothing keeps a raw object: what is not read here is not remembered.
Everything that comes from a cluster or a file is untrusted, so the parsers take any JSON value: what has the wrong
shape is left out.
"""
