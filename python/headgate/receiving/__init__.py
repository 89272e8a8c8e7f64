"""The HTTP receiver of GitHub's webhooks: a delivery is answered when it is durable in PostgreSQL."""
