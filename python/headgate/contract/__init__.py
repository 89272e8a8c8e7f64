"""The contract of a source: which JSON paths its records have, and which of them are personal data."""

from headgate.contract.declared import Contract, Envelope, PathRule, load_contract, read_contract
from headgate.contract.paths import EACH, Step, parse_path

__all__ = ["EACH", "Contract", "Envelope", "PathRule", "Step", "load_contract", "parse_path", "read_contract"]
