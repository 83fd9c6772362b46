"""Lint: what is wrong with the probes that workloads carry. Pure: values in, findings out, no files and no cluster.

`subject` reads what the rules look at, `checks` has the rules, one module a family, `registry` lists them, `linting`
runs them, `suppression` reads which of their findings an object's annotations ignore. Reading files, and saying what
was found, is the command line's.
"""
