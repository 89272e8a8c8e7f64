"""What has MLflow ask for a password: a plugin of its server, which runs in MLflow's own environment."""
