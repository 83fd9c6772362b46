"""Rules: which of them select a workload, the settings that they give together, and their modes."""
