"""A served model by day, as dbt's models in `monitoring` have it: figures, drift, skew, quality, alarms."""
