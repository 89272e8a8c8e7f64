"""LightGBM's C library by ctypes, without its Python package, which imports pandas and scikit-learn."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any

from headgate.errors import HeadgateError

#: Kinds of prediction: the score, and what each input adds to it.
NORMAL, CONTRIBUTIONS = 0, 3
_DOUBLE = 1
_PARAMETERS = b"num_threads=1 verbosity=-1"
_LONGEST_NAME = 512
#: What stands behind the last tree of a model's text.
LAST_LINE = b"\nend of trees"


class Booster:
    """A model that was loaded from its text.

    Raises:
        HeadgateError: the text is no model.
    """

    def __init__(self, text: bytes) -> None:
        self._library = _library()
        self._handle = c_void_p()
        if LAST_LINE not in text:
            # The library reads on behind the end of it.
            raise _unreadable("a text that ends before its trees do")
        trees = c_int()
        self._call("BoosterLoadModelFromString", c_char_p(text), byref(trees), byref(self._handle))
        self.trees = trees.value
        self.columns = self._number("BoosterGetNumFeature")
        self.classes = self._number("BoosterGetNumClasses")

    @property
    def names(self) -> list[str]:
        """The names of the features that it was trained with, in order."""
        buffers = [ctypes.create_string_buffer(_LONGEST_NAME) for _ in range(self.columns)]
        pointers = (c_void_p * self.columns)(*map(ctypes.addressof, buffers))
        found, longest = c_int(), c_size_t()
        self._call(
            "BoosterGetFeatureNames",
            self._handle,
            c_int(self.columns),
            byref(found),
            c_size_t(_LONGEST_NAME),
            byref(longest),
            pointers,
        )
        return [buffer.value.decode() for buffer in buffers]

    def predict(self, rows: int, address: int) -> Any:
        """Scores of rows of doubles that lie one behind the other in memory.

        Args:
            rows: how many.
            address: where they begin.
        """
        scores = (c_double * (rows * self.classes))()
        written = c_int64()
        self._call(
            "BoosterPredictForMat",
            self._handle,
            c_void_p(address),
            c_int(_DOUBLE),
            *(c_int(rows), c_int(self.columns), c_int(1), c_int(NORMAL), c_int(0), c_int(-1)),
            c_char_p(_PARAMETERS),
            byref(written),
            scores,
        )
        return scores

    def close(self) -> None:
        """Frees its memory."""
        self._library.LGBM_BoosterFree(self._handle)

    def _number(self, function: str) -> int:
        found = c_int()
        self._call(function, self._handle, byref(found))
        return found.value

    def _call(self, function: str, *arguments: Any) -> None:
        call(self._library, function, *arguments)


class SingleRow:
    """The fast way for one row, with buffers of its own: for one thread at a time."""

    def __init__(self, booster: Booster, kind: int = NORMAL) -> None:
        width = 1 if kind == NORMAL else booster.columns + 1
        self.values: Any = (c_double * booster.columns)()
        self.scores: Any = (c_double * (width * booster.classes))()
        self._library = _library()
        self._config = c_void_p()
        self._written = c_int64()
        call(
            self._library,
            "BoosterPredictForMatSingleRowFastInit",
            booster._handle,
            *(c_int(kind), c_int(0), c_int(-1), c_int(_DOUBLE), c_int(booster.columns)),
            c_char_p(_PARAMETERS),
            byref(self._config),
        )
        self._function = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._arguments = (self._config, self.values, byref(self._written), self.scores)

    def predict(self) -> None:
        """Fills `scores` from `values`."""
        if self._function(*self._arguments) != 0:
            raise _error(self._library)

    def close(self) -> None:
        """Frees its memory."""
        self._library.LGBM_FastConfigFree(self._config)


def call(library: ctypes.CDLL, function: str, *arguments: Any) -> None:
    """Calls a function of the library.

    Raises:
        HeadgateError: it failed.
    """
    if getattr(library, f"LGBM_{function}")(*arguments) != 0:
        raise _error(library)


@functools.cache
def _library() -> ctypes.CDLL:
    found = importlib.util.find_spec("lightgbm")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm")
    folder = Path(found.origin).parent
    (path, *_) = [*folder.rglob("lib_lightgbm.*"), *folder.parent.glob("lib_lightgbm.*")]
    library = ctypes.CDLL(str(path))
    library.LGBM_GetLastError.restype = c_char_p
    library.LGBM_BoosterPredictForMatSingleRowFast.argtypes = [
        c_void_p,
        c_void_p,
        POINTER(c_int64),
        POINTER(c_double),
    ]
    return library


def _error(library: ctypes.CDLL) -> HeadgateError:
    return _unreadable(library.LGBM_GetLastError().decode(errors="replace"))


def _unreadable(found: str) -> HeadgateError:
    return HeadgateError(
        "LightGBM",
        expected="a model in LightGBM's text format",
        found=found,
        next_step="train again, or register the file that `Booster.save_model` wrote",
    )
