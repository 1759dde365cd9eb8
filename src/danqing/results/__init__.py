"""What a run leaves behind: pictures that know how they were made, run folders, animations, docarray documents."""
