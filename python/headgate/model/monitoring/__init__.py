"""A served model by day: volume, errors, latency, drift, skew, quality, cost; what is an alarm, and why.

`answers` reads the log once, `drift`, `skew` and `quality` judge parts of it, `report` puts them together.
"""
