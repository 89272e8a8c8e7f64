"""The example: public GitHub events. A generator of hours of the archive, and the demonstration."""
