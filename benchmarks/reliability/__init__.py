"""What the service promises when things go wrong, tried out and measured; docs/reliability.md holds the figures."""
