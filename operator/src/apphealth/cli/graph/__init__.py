"""`apphealth graph`: the dependencies between workloads in several notations. The graph itself is made in `plan`."""
