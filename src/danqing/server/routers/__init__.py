"""The routers of the HTTP service, one file for each group of routes."""
