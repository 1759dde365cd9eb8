"""Readers of files that users supply: one for pictures, one for texts."""
