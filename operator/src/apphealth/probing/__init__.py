"""Sending pods the requests of probes as the kubelet would: I/O on pods, no decisions beyond `model.proof.Accept`.

Pods are untrusted. Every answer is bounded in time and size, nothing is decompressed, and redirects are followed only
to the same pod. Of what pods send, only statuses, endpoints and the paths of redirects reach users.
"""
