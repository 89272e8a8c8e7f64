"""Ways out of a stop: decisions of people on loads, quarantined records and gates, recorded and undone."""
