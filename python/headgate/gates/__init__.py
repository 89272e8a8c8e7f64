"""Gates: dbt tests that must pass before anything downstream is built. dbt runs them; this reads what they said."""
