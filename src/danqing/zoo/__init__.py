"""Which weights exist, where they lie on this machine, and how original files become ours."""
