"""The originals, in numbers."""
