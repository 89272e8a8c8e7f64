"""Sequential tests: looked at as often as one likes, they err as rarely as they say."""
