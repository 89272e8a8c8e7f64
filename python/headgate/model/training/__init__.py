"""Training: one declared model on one dataset, the same bytes each time."""
