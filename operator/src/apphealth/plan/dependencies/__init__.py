"""Dependencies: the Services that a workload needs, how they are asked, and who depends on whom."""
