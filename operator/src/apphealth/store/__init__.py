"""The store: the known values of a cluster, with indexes, from watch events, lists and answers to writes.

The operator fills a store from its watches, the command line from one read of the cluster. The store sends no requests
and makes no decisions; it only knows which workloads a change concerns.
"""
