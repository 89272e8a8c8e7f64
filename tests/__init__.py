"""Tests of Headgate; `tests/gates` holds dbt's tests."""
