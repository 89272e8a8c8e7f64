"""A mirror of the registry in MLflow, for its UI and its clients.

What counts is in `ops`; the mirror follows, may be missing or behind, and can be built anew at any time.
MLflow costs seconds of CPU to import: nothing here imports it before it is used.
"""
