"""Runs a pipeline over a range of past time: in chunks, resumed after a kill, beside the live schedule."""
