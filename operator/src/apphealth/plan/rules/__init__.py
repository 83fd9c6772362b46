"""Rules: which of them select a workload, what they say together, and in which mode."""
