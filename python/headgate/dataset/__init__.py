"""Datasets: versioned training sets that can be rebuilt, byte for byte, on any day."""
