"""Who is changed next: budgets, canaries, windows and the order of a rollout. Pure: no I/O, no clock, no cache.

`next_wave(candidates, in_flight, budgets, now)` is the one function that decides. The controller's gate gathers its
arguments, and the command line forecasts with it.
"""
