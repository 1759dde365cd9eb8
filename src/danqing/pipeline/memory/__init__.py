"""Memory of a run: how much is free, how much the run needs, and the options that make it fit."""
