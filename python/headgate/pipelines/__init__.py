"""Mage pipelines seen from Python: what their blocks call, how they are run, served and validated. Never imports Mage."""
