"""The nearest known name to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: From here on a name is a misspelling rather than another word.
MISSPELT = 0.8


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most alike, if one is alike enough."""
    names = list(known)
    found = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    if found or cutoff >= MISSPELT:
        return found[0] if found else None
    # `production` for `prod`.
    return next((other for other in names if len(other) > 2 and name.startswith(other)), None)


def one_of(known: Iterable[str]) -> str:
    """`one of a, b, c`, as findings say what they expected."""
    return f"one of {', '.join(sorted(known))}"


def change_to(name: object, known: Iterable[str]) -> str:
    """How to mend a value that is not in a list."""
    match = nearest(str(name), known)
    return f"change it to {match}" if match else "take one of these"
