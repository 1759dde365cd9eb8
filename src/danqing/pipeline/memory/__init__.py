"""Memory of a run: what is free, what a run needs, and the options that make it fit."""
