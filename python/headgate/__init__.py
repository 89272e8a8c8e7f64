"""Headgate turns raw JSON into machine-learning features that can be trusted."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.store.reading import FeatureStore, SyncFeatureStore

__version__ = "0.1.0"
__all__ = ["FeatureStore", "SyncFeatureStore", "__version__"]

#: Names that are imported when they are first used, so that the command line starts fast.
LAZY = dict.fromkeys(("FeatureStore", "SyncFeatureStore"), "headgate.store.reading")


def __getattr__(name: str) -> Any:
    """Looks up what is exported lazily."""
    if name in LAZY:
        return getattr(importlib.import_module(LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
