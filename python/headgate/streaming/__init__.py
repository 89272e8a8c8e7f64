"""Events from NATS JetStream: a message is acknowledged after its commit, never before.

Data flow: stream -> `source` -> `messages` (a pure function) -> `sink` -> the landing table of a source.
Mage calls these three from the blocks of a streaming pipeline.
"""
