"""Probes: the probes that a container should have, as far as running pods have proven them."""

from apphealth.plan.probes.planning import plan_probes

__all__ = ["plan_probes"]
