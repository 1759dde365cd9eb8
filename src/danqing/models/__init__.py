"""The networks, with the parameter names of the published files, and their loading (`load`)."""
