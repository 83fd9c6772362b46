"""Lint: find what is wrong with the probes of workloads. Pure: values in, findings out, no files and no cluster.

`subject` reads the input of the checks, `checks` has the checks, one module for each family, `registry` lists them,
`linting` runs them, and `suppression` reads which findings an object's annotations ignore. The command line reads files
and prints reports.
"""
