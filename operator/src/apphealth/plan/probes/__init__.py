"""Probes: which a container should have, as far as running pods have proven them."""
