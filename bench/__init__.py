"""Headgate's figures: what it does, how fast, against what a newcomer would write. `python -m bench --help`."""
