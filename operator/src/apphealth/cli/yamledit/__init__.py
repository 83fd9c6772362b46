"""YAML and JSON parsed with positions, so that a value can be changed without touching the text around it.

`reader` returns nodes with positions, `plain` their values as Kubernetes parses them, `emitter` the text of new values,
and `differ` the smallest edits that give a document new values. This package knows nothing of Kubernetes objects, and
opens no file.
"""
