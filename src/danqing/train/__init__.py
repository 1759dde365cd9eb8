"""Training of the small embedded model: the data (scenes, captions), the recipe, the loop and the export."""
