"""The decisions: from a workload and the world around it to a `Plan`. No I/O, no clock, no kopf.

`plan(workload, world)` is the one function that the operator, `render` and `explain` call, so that all give one answer.
"""

from apphealth.plan.planner import plan
from apphealth.plan.result import Plan

__all__ = ["Plan", "plan"]
