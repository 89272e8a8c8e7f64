"""Publishing as every caller does it: on its own connection, and only what deployed models can read."""

from __future__ import annotations

from headgate import postgres
from headgate.model.deployment.fit import require_champions_fit
from headgate.postgres.connection import Connection
from headgate.postgres.newest import require_newest
from headgate.settings import Settings
from headgate.store.new_release import Published
from headgate.store.publish import publish

PUBLISH_ALL_THE_SAME = (
    "give the changed view a version of its own (dbt model versions) and train on that; "
    "`headgate publish --despite-models` publishes all the same, and servers refuse the model; "
    "`headgate model undeploy {model}` takes out of service what nobody needs"
)


async def publish_project(
    settings: Settings, *, compare_all: bool = False, despite_models: bool = False
) -> Published | None:
    """Publishes what dbt built; see `headgate.store.publish.publish`.

    Raises:
        UsageError: a model's champion could not read the release, and `despite_models` is not given.
        HeadgateError: the schemas are those of another version.
    """

    async def require(connection: Connection, release_id: int) -> None:
        if not despite_models:
            await require_champions_fit(connection, release_id, PUBLISH_ALL_THE_SAME)

    connection = await postgres.connect(settings)
    try:
        await require_newest(connection)
        return await publish(connection, settings, compare_all=compare_all, require=require)
    finally:
        await connection.close()
