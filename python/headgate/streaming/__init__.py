"""Events from NATS JetStream: a message is acknowledged after its commit, never before.

Data flow: stream -> `source` -> `messages` (a pure function) -> `sink` -> staging_github_events.events.
Mage calls these three from the blocks of `stream_github_events`.
"""
