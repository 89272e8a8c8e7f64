"""What `headgate status` tells of pipelines, sources and what waits, beside the server's own state."""
