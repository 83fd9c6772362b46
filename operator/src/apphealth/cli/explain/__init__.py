"""`apphealth explain`: the plan of one workload, with the source of every value and the next change. Read-only."""
