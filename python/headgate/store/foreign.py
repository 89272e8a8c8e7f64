"""Relations of somebody else, where Headgate is to make one for the first time."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.errors import HeadgateError
from headgate.postgres.connection import Connection

#: $1: names, quoted where needed; $2: comments that Headgate's own tables of that kind carry.
FOREIGN = """
    select given.name
    from unnest($1::text[]) as given (name)
    inner join pg_class on pg_class.oid = to_regclass(given.name)
    where coalesce(obj_description(pg_class.oid, 'pg_class'), '') <> all($2::text[])
    order by 1
    limit 1
"""


async def require_no_other(
    connection: Connection,
    names: Sequence[str],
    comments: Sequence[str],
    *,
    purpose: str,
    nothing: str,
    next_step: str,
) -> None:
    """Refuses relations of somebody else under names that are to be Headgate's own.

    Args:
        connection: any.
        names: `schema.name`, quoted where needed; nothing need stand there.
        comments: what Headgate's own tables of this kind carry as their comment.
        purpose: what is kept there, as the error says it.
        nothing: what was not done, such as `published`.
        next_step: what the error advises.

    Raises:
        HeadgateError: one stands there, without such a comment.
    """
    found = await connection.fetchval(FOREIGN, list(names), list(comments))
    if found is not None:
        raise HeadgateError(
            found,
            expected=f"no relation of this name, for {purpose}",
            found=f"one that somebody else made; nothing was {nothing}",
            next_step=next_step,
        )
