"""The contract of a source: which JSON paths its records have, and which of them are personal data."""

from headgate.contract.declared import Contract, Envelope, PathRule, load_contract, read_contract
from headgate.contract.paths import EACH, Step, format_path, parse_path

__all__ = [
    "EACH",
    "Contract",
    "Envelope",
    "PathRule",
    "Step",
    "format_path",
    "load_contract",
    "parse_path",
    "read_contract",
]
