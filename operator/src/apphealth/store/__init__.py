"""What is known of a cluster, with its indexes: values that watch events, lists and answers to writes put in.

The operator fills a store from its watches, the command line fills one from a single reading of the cluster. The store
sends no requests and decides nothing; it only knows which workloads a change concerns.
"""
