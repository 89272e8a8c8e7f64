"""Names of what is generated: good in YAML, Python, SQL and file systems alike."""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Iterable
from pathlib import Path

from headgate.errors import UsageError
from headgate.scaffold.reserved import OF_SQL, SYSTEM_COLUMNS

#: Bytes of a name that PostgreSQL keeps; it cuts off the others without a word.
LONGEST_IN_POSTGRES = 63
#: Longer ones make relations whose names PostgreSQL cuts off.
LONGEST = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
#: Schemas and words that are taken, in any role.
_TAKEN = frozenset(
    {"headgate", "ops", "typed", "features", "feature_store", "training", "monitoring", "public"}
)


class Names:
    """Gives names that differ and that PostgreSQL keeps whole.

    Args:
        taken: names that are not given.
        longest: bytes of a name at most.
    """

    def __init__(self, taken: Iterable[str] = (), longest: int = LONGEST_IN_POSTGRES) -> None:
        self._taken = set(taken)
        self._longest = longest

    def give(self, name: str, ending: str = "") -> str:
        """The name with its ending if it is free; else, or if it is too long, one that is made of it."""
        found = shortened(name, self._longest, ending)
        number = 2
        while found in self._taken:
            found = shortened(name, self._longest, f"_{number}{ending}")
            number += 1
        self._taken.add(found)
        return found


def shortened(name: str, longest: int, ending: str = "") -> str:
    """A name and its ending within so many bytes; what is cut off stays as a hash, so that two stay two."""
    if len(f"{name}{ending}".encode()) <= longest:
        return f"{name}{ending}"
    mark = f"_{hashlib.sha256(name.encode()).hexdigest()[:6]}{ending}"
    kept = name.encode()[: longest - len(mark.encode())].decode(errors="ignore")
    return f"{kept.rstrip('_')}{mark}"


_COLUMN = re.compile(r"[a-z_][a-z0-9_]{0,62}")


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


def require_free_name(project_dir: Path, what: str, name: str, own: Path) -> None:
    """Refuses the name of a model that stands elsewhere than in the folder of its kind, and words of SQL.

    Raises:
        UsageError: there is one; the message says where. Or SQL reserves the word.
    """
    if name in OF_SQL:
        raise UsageError(
            f"{what} {name}",
            expected="a name that is no reserved word of SQL, for a relation is called so",
            found=name,
            next_step=f"call it {name}_rows, or choose another name",
        )
    standing = [path for path in (project_dir / "models").rglob(f"{name}.sql") if path.parent != own]
    if standing:
        raise UsageError(
            f"{what} {name}",
            expected="a name that no model has",
            found=f"{standing[0].relative_to(project_dir)}",
            next_step="choose another name",
        )


def require_column_names(what: str, names: Iterable[str]) -> None:
    """Refuses names that generated SQL, and dbt's contract of its columns, could not write without quotes.

    Raises:
        UsageError: names the first.
    """
    for name in names:
        if not _COLUMN.fullmatch(name) or name in OF_SQL or name in SYSTEM_COLUMNS:
            raise UsageError(
                f"{what}, column {name}",
                expected="a-z, 0-9 and _, at most 63 of them; no reserved word or system column of SQL",
                found=repr(name),
                next_step=f"call it {snake_case(name) or 'column'}_value, or choose another name",
            )


def snake_case(text: str) -> str:
    """Any text as a name: `deliveryId` and `Delivery-ID` are both `delivery_id`; empty if nothing is left."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def plural(name: str) -> str:
    """A name for several of what it names one of."""
    # `order_created` says what happened, and has no plural.
    if name.endswith(("s", "ed")):
        return name
    if name.endswith(("x", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"


def singular(name: str) -> str:
    """A name for one of what it names several of."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    if name.endswith(("xes", "ches", "shes", "sses")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _problem(name: str, longest: int) -> str | None:
    if not _NAME.fullmatch(name):
        return repr(name)
    if len(name) > longest:
        return f"{len(name)} characters"
    if keyword.iskeyword(name) or name in _TAKEN:
        return "a reserved word"
    return None
