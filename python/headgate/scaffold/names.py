"""Names of what is generated: good in YAML, Python, SQL and file systems alike."""

from __future__ import annotations

import keyword
import re

from headgate.errors import UsageError

#: Longer ones make relations whose names PostgreSQL cuts off at 63 characters.
LONGEST = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
#: Schemas and words that are taken, in any role.
_TAKEN = frozenset(
    {"headgate", "ops", "typed", "features", "feature_store", "training", "monitoring", "public"}
)


def require_name(what: str, name: str, longest: int = LONGEST) -> str:
    """A name that can be used, as it came.

    Raises:
        UsageError: it cannot; the next step proposes one that can.
    """
    problem = _problem(name, longest)
    if problem is None:
        return name
    proposed = snake_case(name)
    raise UsageError(
        f"{what} {name}",
        expected=f"a-z, 0-9 and single _, a letter first, at most {longest} characters, no reserved word",
        found=problem,
        next_step=f"call it {proposed}"
        if proposed and _problem(proposed, longest) is None
        else "choose another name",
    )


def snake_case(text: str) -> str:
    """Any text as a name: `deliveryId` and `Delivery-ID` are both `delivery_id`; empty if nothing is left."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def _problem(name: str, longest: int) -> str | None:
    if not _NAME.fullmatch(name):
        return repr(name)
    if len(name) > longest:
        return f"{len(name)} characters"
    if keyword.iskeyword(name) or name in _TAKEN:
        return "a reserved word"
    return None
