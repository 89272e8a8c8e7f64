"""Gates: dbt tests that must pass before anything downstream is built. This reads what they said."""
