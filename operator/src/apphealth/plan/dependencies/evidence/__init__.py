"""What says that a workload needs a Service: a module for each kind of place. Nothing here decides what counts."""
