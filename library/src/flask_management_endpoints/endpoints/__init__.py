"""The endpoints: from a Flask request to a `Health` question, and from its report to a response.

No decision is made here.
"""
