"""Writes new sources, feature views, pipelines and blocks from templates that a user can edit.

Data flow: a name and options -> templates -> files in memory -> files on disk -> checks.
"""
