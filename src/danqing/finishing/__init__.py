"""Finish a painting as a Chinese painter does: inscription, seal and mount."""
