"""`apphealth explain`: one workload, every value with where it came from, and what would change next. Reading only."""
