"""One file per revision, named <revision>_<verb>_<what>.py; TABLES names what its downgrade drops."""
