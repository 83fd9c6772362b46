"""Ready checks for what Flask apps usually lean on.

Each module needs the extra of its name, and nothing else imports it.
"""
