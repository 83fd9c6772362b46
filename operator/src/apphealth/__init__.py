"""AppHealth: a Kubernetes operator that gives every service the right health probes."""
