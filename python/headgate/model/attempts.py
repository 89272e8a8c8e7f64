"""Asks a model for rows of which some may fail: by row a score, or what went wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from headgate.model.flavours.base import (
    PredictionError,
    Predictor,
    UnansweredError,
    UnusableError,
    Values,
)

Tried = list[tuple[Any, str | None]]


def tried(predictor: Predictor, rows: Sequence[Values], seconds: float) -> Tried:
    """By row a score or an error; a batch that fails as a whole is asked by halves.

    Args:
        predictor: the model.
        rows: as it takes them.
        seconds: in which the halves are asked; the rest fails.
    """
    try:
        return _asked(predictor, rows)
    except UnansweredError as error:
        return [(None, error.found)] * len(rows)
    except Exception as error:
        return _in_halves(predictor, rows, seconds) if len(rows) > 1 else [(None, _said(error))]


def _in_halves(predictor: Predictor, rows: Sequence[Values], seconds: float) -> Tried:
    """Who does not answer a part would let each of the others wait as long: the rest is not asked then."""
    found: Tried = []
    until = time.monotonic() + seconds
    parts = [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
    while parts:
        part = parts.pop()
        try:
            if time.monotonic() > until:
                raise _not_asked(seconds)
            found += _asked(predictor, part)
        except UnansweredError as error:
            return found + [(None, error.found)] * (len(rows) - len(found))
        except Exception as error:
            half = len(part) // 2
            if half:
                parts += [part[half:], part[:half]]
            else:
                found.append((None, _said(error)))
    return found


def _not_asked(seconds: float) -> UnansweredError:
    return UnansweredError(
        "the rest of a batch",
        expected=f"a batch that does not fail, or is scored by halves within {seconds:g} seconds",
        found=f"not asked: the batch fails, and its parts took {seconds:g} seconds",
        next_step="send smaller batches, without the rows that fail",
    )


def _asked(predictor: Predictor, rows: Sequence[Values]) -> Tried:
    """Scores of rows, with what was wrong where one is none that the task has."""
    try:
        is_one = len(rows) == 1 and isinstance(rows, list)
        scores = [predictor.predict_one(rows[0])] if is_one else predictor.predict(rows)
    except UnusableError as error:
        return [(None, _said(error)) if score is None else (score, None) for score in error.scores]
    return [(score, None) for score in scores]


def _said(error: Exception) -> str:
    """What went wrong; of what a library says only the kind, for it may quote a value."""
    if isinstance(error, UnusableError):
        return f"expected {error.expected}"
    return error.found if isinstance(error, PredictionError) else type(error).__name__
