"""How much later than an event serving knows of it: datasets join what serving could have known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from headgate.durations import duration
from headgate.errors import UsageError
from headgate.postgres.connection import Connection

#: Besides durations, which are `declared`.
KINDS = ("none", "measured")
#: Releases that went on in time: when they were published, less what they were processed to. Releases of a
#: back-filled history are published long after it; what they say of its publication is nothing.
MEASURED = """
    with reached as (
        select releases.release_id, releases.published_at, min(views.processed_to) as processed_to
        from ops.releases as releases
        inner join ops.release_views as views using (release_id)
        where releases.release_id <= $1 and views.view = any($2)
        group by releases.release_id, releases.published_at
    ),

    moved as (
        select
            published_at - processed_to as lag,
            processed_to > coalesce(max(processed_to) over earlier, '-infinity') as is_later
        from reached
        where processed_to is not null
        window earlier as (order by release_id rows between unbounded preceding and 1 preceding)
    )

    select max(lag) as longest, count(*) as releases from moved where is_later
"""
#: A longer one is the age of a back-filled history.
LONGEST = timedelta(days=7)


async def publication_lag(
    connection: Connection, release_id: int, lag: str, views: Sequence[str]
) -> timedelta:
    """The lag that `none`, `measured` or a duration means; measured is that of some views.

    Raises:
        UsageError: it is none of them, or nothing can be measured.
    """
    if lag == "none":
        return timedelta()
    if lag != "measured":
        span = duration(lag)
        if span is None:
            raise UsageError(
                "lag of a dataset",
                expected="none, measured, or a duration such as 90m or 2h",
                found=lag,
                next_step="name one of these: --lag",
            )
        return span
    found = await connection.fetchrow(MEASURED, release_id, list(views))
    longest: timedelta | None = found["longest"] if found else None
    if longest is None or not timedelta() <= longest <= LONGEST:
        raise UsageError(
            f"lag of the releases up to {release_id}",
            expected=f"releases published within {LONGEST.days} days of the events that they hold",
            found="none whose reach is known" if longest is None else f"one after {longest}",
            next_step="declare the lag that serving is going to have, such as --lag 90m",
        )
    return timedelta(seconds=-(-longest // timedelta(seconds=1)))
