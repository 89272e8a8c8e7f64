"""Migrations of the schemas that Python owns."""
