"""Labels of generated pictures: the metadata and the visible text that GB 45438-2025 asks for, and content credentials."""
