"""YAML and JSON as text with a map: read where each value stands, and change a value without touching the rest.

`reader` gives nodes with positions, `plain` their values as Kubernetes reads them, `emitter` the text of new values,
`edits` the smallest change of the text that gives a mapping new values. Nothing here knows what a Kubernetes object is,
and nothing opens a file.
"""
