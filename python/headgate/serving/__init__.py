"""Answers predictions over HTTP with what is deployed; every answer is logged before it leaves."""
