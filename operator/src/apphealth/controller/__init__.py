"""The operator: from watch events to a store, from the store to a queue, from the queue to writes.

kopf stays in `handlers` and `app`; decisions are made in `plan`, requests are sent by `kube`.
"""
