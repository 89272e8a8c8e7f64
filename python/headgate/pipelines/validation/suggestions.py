"""The nearest known name to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: From here on a name is a misspelling rather than another word.
MISSPELT = 0.8
#: The same of values, whose lists are short.
MISSPELT_VALUE = 0.75
#: Below this, two words are alike by chance.
ANOTHER_WORD = 0.5


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most alike, if one is alike enough."""
    names = list(known)
    if cutoff >= MISSPELT_VALUE:
        names = [other for other in names if _same_words(name, other)]
    found = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    if found or cutoff >= MISSPELT_VALUE:
        return found[0] if found else None
    # `production` for `prod`.
    return next((other for other in names if len(other) > 2 and name.startswith(other)), None)


def _same_words(name: str, other: str) -> bool:
    """Whether no word of one is another word in the other: `created_by` is not a misspelt `created_at`."""
    words, others = name.split("_"), other.split("_")
    return len(words) != len(others) or all(
        difflib.SequenceMatcher(a=word, b=meant).ratio() >= ANOTHER_WORD
        for word, meant in zip(words, others, strict=True)
    )


def one_of(known: Iterable[str]) -> str:
    """`one of a, b, c`, as findings say what they expected."""
    return f"one of {', '.join(sorted(known))}"


def change_to(name: object, known: Iterable[str]) -> str:
    """How to mend a value that is not in a list."""
    match = nearest(str(name), known)
    return f"change it to {match}" if match else "take one of these"
