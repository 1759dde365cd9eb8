"""One guided step, implemented by Danqing and by the original programs."""
