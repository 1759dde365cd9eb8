"""One guided step twice over: by this program, and by the ones it descends from."""
