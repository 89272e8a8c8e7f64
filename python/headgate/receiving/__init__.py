"""The HTTP receiver of webhooks: a delivery is answered when it is durable in PostgreSQL."""
