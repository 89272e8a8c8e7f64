"""Loads a package as what predicts with it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

from headgate.errors import HeadgateError, UsageError
from headgate.model.flavours.base import Predictor
from headgate.model.package import Package

#: By flavour: module and class. Modules import their libraries, which are large, when they are used.
LOADERS = {
    "lightgbm": ("lightgbm_fast", "LightGbm"),
    "sklearn": ("sklearn_skops", "ScikitLearn"),
    "onnx": ("onnx_session", "Onnx"),
    "pyfunc": ("pyfunc", "PyFunc"),
}


def load(package: Package, *, home: Path | None = None) -> Predictor:
    """Loads a model; close it when it is not used any more.

    Args:
        package: the model.
        home: where environments of models that bring a lock of their own are kept; by default the user's
            cache.

    Raises:
        UsageError: an unknown flavour, a library that is not installed, or a file that does not fit.
    """
    if package.flavour not in LOADERS:
        raise UsageError(
            f"model {package.name}, flavour",
            expected=f"one of {', '.join(LOADERS)}",
            found=repr(package.flavour),
            next_step="correct the declaration and train again",
        )
    module, name = LOADERS[package.flavour]
    try:
        made = getattr(importlib.import_module(f"headgate.model.flavours.{module}"), name)
        return cast(Callable[[Package, Path | None], Predictor], made)(package, home)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"model {package.name}, flavour {package.flavour}",
            expected=f"the Python package {error.name}",
            found="it is not installed",
            next_step="install the extra: `uv sync --extra models`, or `pip install headgate[models]`",
        ) from error
    except HeadgateError:
        raise
    except Exception as error:
        # Whatever a library raises of a damaged file must not end who loads it.
        raise UsageError(
            f"model {package.name}, flavour {package.flavour}",
            expected="files that load",
            found=type(error).__name__,
            next_step="train again; a folder that was copied: copy it again",
        ) from error
