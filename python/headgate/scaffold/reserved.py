"""Words that SQL keeps for itself."""

from __future__ import annotations

_WORDS = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect
    into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null
    offset on only or order outer overlaps placing primary references returning right select session_user
    similar some symmetric system_user table tablesample then to trailing true union unique user using
    variadic verbose when where window with
"""
#: What PostgreSQL 18 reserves (pg_get_keywords()). No relation is called so: dbt renames it without quotes.
OF_SQL = frozenset(_WORDS.split())
#: The same, and what sqlfluff reserves besides: keys called so are quoted.
RESERVED = OF_SQL | {"commutator", "connect", "hashes", "merges", "negator", "rightarg"}
#: Columns that PostgreSQL gives every table.
SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
