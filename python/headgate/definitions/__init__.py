"""What models are built from: their SQL, compared by meaning and column by column."""

from headgate.definitions.catalog import Definition, Definitions
from headgate.definitions.stored import load_definitions

__all__ = ["Definition", "Definitions", "load_definitions"]
