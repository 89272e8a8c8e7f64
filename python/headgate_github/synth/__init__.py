"""Generates hours of the GitHub archive, seeded and deterministic, with what is true of them beside them."""

from headgate_github.synth.truth import HourTruth, Truth
from headgate_github.synth.writer import SynthHour, file_name, generate_hour, generation_at, write_hours

__all__ = ["HourTruth", "SynthHour", "Truth", "file_name", "generate_hour", "generation_at", "write_hours"]
