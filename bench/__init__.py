"""Headgate's figures: how fast it is, against what a newcomer would write. `python -m bench --help`."""
