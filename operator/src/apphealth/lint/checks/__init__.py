"""The rules of lint, one module a family."""
