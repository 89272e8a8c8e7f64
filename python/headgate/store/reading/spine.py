"""The spine of a training set, which entities at which instants: here a relation of the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headgate.errors import UsageError
from headgate.store.reading.arrow_types import ENUM, bare, require_exact
from headgate.store.reading.catalog import PublishedView, key_columns
from headgate.store.reading.keys import INTEGERS, TEXTS
from headgate.store.views import AS_OF, quoted

INSTANT = "timestamp with time zone"
#: Types that sort as they are; all others sort by their text.
ORDERED = {
    *(
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double precision",
        "numeric",
        "bytea",
        "uuid",
        ENUM,
    ),
    *("text", "character varying", "character", "date"),
    *("time without time zone", "timestamp without time zone", INSTANT),
}
#: Columns of a relation in order: name, and type with its modifiers; a domain's is the type that it rests on.
COLUMNS = """
    select
        attname::text as name,
        case typtype
            when 'd' then format_type(typbasetype, typtypmod)
            when 'e' then 'enum'
            else format_type(atttypid, atttypmod)
        end as type
    from pg_attribute
    inner join pg_type on pg_type.oid = atttypid
    where attrelid = to_regclass({relation}) and attnum > 0 and not attisdropped
    order by attnum
"""


@dataclass(frozen=True)
class SpineRows:
    """A spine that the database holds."""

    #: SQL name of the relation.
    relation: str
    #: Its columns that the database adds to the training set, in order: name -> PostgreSQL type.
    columns: Mapping[str, str]
    #: The column with the instants, as the training set names it, and as the relation does.
    instant: str
    instant_column: str
    #: What the result comes ordered by, as SQL that begins with a column of the relation.
    order: tuple[str, ...]
    #: In which order features are looked up, so that neighbours share pages; SQL as in `order`.
    lookup_order: tuple[str, ...]


def relation_name(spine: str) -> str:
    """The SQL name of `schema.name`.

    Raises:
        UsageError: it is written otherwise.
    """
    parts = spine.split(".")
    if len(parts) != 2 or not all(parts):
        raise UsageError(
            f"spine {spine}",
            expected="the name of a relation as schema.name",
            found="another form",
            next_step="name it like training.order_returns",
        )
    return ".".join(map(quoted, parts))


def spine_of_relation(
    spine: str,
    types: Mapping[str, str],
    views: tuple[PublishedView, ...],
    instant: str | None,
    place: str | None = None,
) -> SpineRows:
    """A relation as a spine.

    Args:
        spine: `schema.name`.
        types: its columns with their PostgreSQL types; none when there is no such relation.
        views: the feature views whose keys it must have.
        instant: the column with the instants; None: the only one that can be meant.
        place: a column that orders the rows and does not stand in the training set.

    Raises:
        UsageError: no such relation, a key column is missing or of another type, the instant is unclear, or a
            column has a type that Arrow lacks or a name that the training set needs.
    """
    if not types:
        raise UsageError(
            f"spine {spine}",
            expected="a relation that this role may read",
            found="none",
            next_step="check the name; `dbt build --selector training` builds those of the project",
        )
    columns = {name: kind for name, kind in types.items() if name != place}
    for name, kind in columns.items():
        require_exact(f"spine {spine}, column {name}", kind)
    require_free_names(spine, columns, views)
    keys = require_keys(spine, columns, views)
    at = chosen_instant(spine, [n for n, kind in columns.items() if bare(kind) == INSTANT], keys, instant)
    order = (quoted(place),) if place else tuple(natural_order(columns, (*keys, at)).values())
    return SpineRows(relation_name(spine), columns, at, at, order, order)


def natural_order(columns: Mapping[str, str], first: Iterable[str]) -> dict[str, str]:
    """By column, SQL that orders rows: some columns first, then all others, whatever their types."""
    names = dict.fromkeys([*first, *columns])
    return {name: quoted(name) + ("" if bare(columns[name]) in ORDERED else "::text") for name in names}


def require_free_names(spine: str, names: Iterable[str], views: tuple[PublishedView, ...]) -> None:
    """Refuses a spine with a column named as a feature is going to be.

    Raises:
        UsageError: it has one, as the result of an earlier join has.
    """
    taken = sorted(set(names) & set(feature_names(views)))
    if taken:
        raise UsageError(
            f"spine {spine}",
            expected="no column named like a feature that is joined to it",
            found=", ".join(taken),
            next_step="leave these columns out, or rename them",
        )


def feature_names(views: tuple[PublishedView, ...]) -> list[str]:
    """The names of the columns that feature views add to a training set."""
    return [
        f"{view.name}__{column}"
        for view in views
        for column in (AS_OF, *(column.name for column in view.columns))
    ]


def require_keys(spine: str, columns: Mapping[str, str], views: tuple[PublishedView, ...]) -> tuple[str, ...]:
    """The entity key's columns of feature views.

    Args:
        spine: the spine's name, for messages.
        columns: its columns with their PostgreSQL types.
        views: the feature views.

    Raises:
        UsageError: a column is missing or has another type.
    """
    keys = key_columns(views)
    for name, kind in keys:
        found = {bare(columns.get(name, "")), bare(kind)}
        if not any(found <= family for family in (INTEGERS, TEXTS, {bare(kind)})):
            raise UsageError(
                f"spine {spine}",
                expected=f"the key column {name} of type {kind}",
                found=f"one of type {columns[name]}" if name in columns else f"only {', '.join(columns)}",
                next_step="name or cast the column, or read other views",
            )
    return tuple(name for name, _ in keys)


def chosen_instant(spine: str, instants: Iterable[str], keys: tuple[str, ...], named: str | None) -> str:
    """The column with the instants.

    Args:
        spine: the spine's name, for messages.
        instants: its columns that are instants with a time zone.
        keys: its key columns.
        named: the one that the caller means, if he says so.

    Raises:
        UsageError: it is none of them, or nobody said which.
    """
    candidates = [name for name in instants if name not in keys]
    if named in candidates or (named is None and len(candidates) == 1):
        return named or candidates[0]
    raise UsageError(
        f"spine {spine}",
        expected=f"the column {named} of type {INSTANT}" if named else f"one column of type {INSTANT}",
        found=f"of that type: {', '.join(candidates) or 'none'}",
        next_step="say which column holds the instants: instant=...",
    )
