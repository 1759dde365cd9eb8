"""Measurements of the promises in docs/en/reliability.md."""
