"""The demonstration: the main job on twelve hours, and an account of what came out."""
