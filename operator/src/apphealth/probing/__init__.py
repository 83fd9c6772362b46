"""Asking pods as the kubelet would, and telling what came back: I/O on pods, no opinions beyond `model.proof.Accept`.

Pods are untrusted: every answer is bounded in time and size, nothing is followed or decompressed, and no text of theirs
goes any further than a status, an endpoint or the path of a redirect.
"""
