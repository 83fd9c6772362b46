"""`apphealth graph`: who needs whom, in several notations. Nothing here decides: that is done in `plan`."""
