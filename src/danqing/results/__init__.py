"""Results of a run: pictures with metadata, run folders, animations, docarray documents."""
