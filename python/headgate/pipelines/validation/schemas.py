"""The shapes of pipeline, trigger, io_config, project and global data product files, for a version of Mage.

Names of keys are from Mage's source: what `Pipeline.load_config`, `Block.to_dict` and `RepoConfig` know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from headgate.pipelines.validation.mage_lists import MageLists, mage_lists
from headgate.pipelines.validation.schema import IGNORES, OPEN, REJECTS, Key, Schema

ANY, TEXT, NAME, WHOLE, TRUTH = Key(), Key("text"), Key("name"), Key("whole"), Key("truth")
MAPPING, TEXTS, TIME = Key("mapping"), Key("texts"), Key("time")


@dataclass(frozen=True)
class Schemas:
    """One schema for each kind of file."""

    pipeline: Schema
    extension: Schema
    trigger_file: Schema
    trigger: Schema
    project: Schema
    io_profile: Schema
    product: Schema


@cache
def schemas() -> Schemas:
    """The schemas for the lists that are in use."""
    lists = mage_lists()
    return Schemas(
        pipeline=_pipeline(lists),
        extension=_extension(lists),
        trigger_file=Schema("a trigger file", {"triggers": Key("mappings", required=True)}),
        trigger=_trigger(lists),
        project=_project(lists),
        io_profile=Schema("an io_config profile", _any([*lists.io_keys, *lists.io_groups, "trino"]), IGNORES),
        product=_product(lists),
    )


def _any(names: Iterable[str]) -> dict[str, Key]:
    return dict.fromkeys(names, ANY)


def _retry(lists: MageLists) -> Schema:
    kinds: Mapping[str, Key] = {"exponential_backoff": TRUTH}
    return Schema("retry_config", {name: kinds.get(name, WHOLE) for name in lists.retry_keys}, REJECTS)


def _notification(lists: MageLists) -> Schema:
    keys = dict.fromkeys(lists.notification_keys, MAPPING) | {"alert_on": TEXTS}
    return Schema("notification_config", keys, REJECTS)


def _block(lists: MageLists) -> Schema:
    configuration = Schema(
        "a block's configuration",
        {
            "dbt": Key(
                "mapping", inner=Schema("configuration.dbt", {"command": TEXT, "disable_tests": TRUTH})
            ),
            "dbt_project_name": TEXT,
            "dbt_profile_target": TEXT,
            "dbt_profiles_file_path": TEXT,
            "data_provider": TEXT,
            "data_provider_profile": TEXT,
            "data_provider_database": TEXT,
            "data_provider_schema": TEXT,
            "data_provider_table": TEXT,
            "export_write_policy": TEXT,
            "file_path": TEXT,
            "file_source": MAPPING,
            "global_data_product": MAPPING,
            "use_raw_sql": TRUTH,
            "dynamic": ANY,
            "reduce_output": ANY,
            "variables": MAPPING,
        },
        OPEN,
    )
    return Schema(
        "a block",
        {
            "uuid": Key("name", required=True),
            "type": Key("name", required=True),
            "name": ANY,
            "language": TEXT,
            "configuration": Key("mapping", inner=configuration),
            "upstream_blocks": TEXTS,
            "downstream_blocks": TEXTS,
            "executor_config": MAPPING,
            "executor_type": TEXT,
            "retry_config": Key("mapping", inner=_retry(lists)),
            "timeout": WHOLE,
            "status": TEXT,
            "color": TEXT,
            "content": TEXT,
            "groups": TEXTS,
            "tags": TEXTS,
            "replicated_block": TEXT,
            "extension_uuid": TEXT,
            "has_callback": TRUTH,
            "all_upstream_blocks_executed": TRUTH,
            "callback_blocks": TEXTS,
            "conditional_blocks": TEXTS,
            **_any(
                ("catalog", "data_integration", "description", "error", "metadata", "outputs", "priority")
            ),
        },
    )


def _extension(lists: MageLists) -> Schema:
    blocks = Key("mappings", inner=_block(lists))
    return Schema("an extension", {"blocks": blocks, **_any(("name", "uuid", "description", "templates"))})


def _pipeline(lists: MageLists) -> Schema:
    blocks = Key("mappings", inner=_block(lists))
    triggers = Schema("settings.triggers", {"save_in_code_automatically": TRUTH})
    return Schema(
        "a pipeline",
        {
            "uuid": Key("name", required=True),
            "name": ANY,
            "type": TEXT,
            "description": ANY,
            "tags": TEXTS,
            "variables": MAPPING,
            "blocks": blocks,
            "callbacks": blocks,
            "conditionals": blocks,
            "widgets": blocks,
            "extensions": Key("mapping of mappings"),
            "executor_type": TEXT,
            "executor_config": MAPPING,
            "executor_count": WHOLE,
            "execution_framework": TEXT,
            "cache_block_output_in_memory": TRUTH,
            "run_pipeline_in_one_process": TRUTH,
            "concurrency_config": Key(
                "mapping", inner=Schema("concurrency_config", _any(lists.concurrency_keys))
            ),
            "notification_config": Key("mapping", inner=_notification(lists)),
            "retry_config": Key("mapping", inner=_retry(lists)),
            "settings": Key(
                "mapping", inner=Schema("settings", {"triggers": Key("mapping", inner=triggers)})
            ),
            "spark_config": MAPPING,
            "state_store_config": MAPPING,
            "remote_variables_dir": TEXT,
            "variables_dir": TEXT,
            **_any(("created_at", "updated_at", "data_integration", "repo_path", "version", "history")),
        },
    )


def _trigger(lists: MageLists) -> Schema:
    dropped = "Mage drops the whole trigger"
    kinds = {
        "settings": Key(
            "mapping",
            inner=Schema(
                "a trigger's settings",
                {
                    **_any([*lists.trigger_settings, "invalid_schedule_interval"]),
                    "skip_if_previous_running": TRUTH,
                    "allow_blocks_to_fail": TRUTH,
                    "create_initial_pipeline_run": TRUTH,
                    "timeout": WHOLE,
                    "pipeline_run_limit": WHOLE,
                },
                REJECTS,
            ),
        ),
        "envs": TEXTS,
        "name": NAME,
        "schedule_interval": TEXT,
        "schedule_type": TEXT,
        "sla": WHOLE,
        "status": TEXT,
        "variables": MAPPING,
        "description": TEXT,
        "token": TEXT,
    }
    return Schema("a trigger", {**_any(lists.trigger_keys), **kinds}, REJECTS, dropped)


def _project(lists: MageLists) -> Schema:
    return Schema(
        "the project's metadata",
        {
            "project_type": TEXT,
            "project_uuid": TEXT,
            "help_improve_mage": TRUTH,
            "variables_dir": TEXT,
            "remote_variables_dir": TEXT,
            "variables_retention_period": TEXT,
            "features": Key("mapping", inner=Schema("features", dict.fromkeys(lists.features, TRUTH))),
            "notification_config": Key("mapping", inner=_notification(lists)),
            "retry_config": Key("mapping", inner=_retry(lists)),
            "logging_config": Key(
                "mapping",
                inner=Schema(
                    "logging_config",
                    _any(("type", "level", "destination_config", "retention_period")),
                    REJECTS,
                ),
            ),
            "cluster_type": TEXT,
            "openai_api_key": TEXT,
            **dict.fromkeys(
                (
                    "ai_config",
                    "azure_container_instance_config",
                    "ecs_config",
                    "emr_config",
                    "gcp_cloud_run_config",
                    "k8s_executor_config",
                    "ldap_config",
                    "concurrency_config",
                    "overrides",
                    "pipelines",
                    "queue_config",
                    "rag_config",
                    "state_store_config",
                    "settings_backend",
                    "spark_config",
                    "workspace_config_defaults",
                    "workspace_default_config",
                    "workspace_initial_metadata",
                ),
                MAPPING,
            ),
        },
    )


def _product(lists: MageLists) -> Schema:
    return Schema(
        "a global data product",
        {
            "object_type": Key("name", required=True),
            "object_uuid": Key("name", required=True),
            "outdated_after": Key(
                "mapping", inner=Schema("outdated_after", dict.fromkeys(lists.outdated_after, WHOLE))
            ),
            "outdated_starting_at": Key(
                "mapping",
                inner=Schema("outdated_starting_at", dict.fromkeys(lists.outdated_starting_at, WHOLE)),
            ),
            "settings": MAPPING,
            **_any(("project", "repo_path")),
        },
    )
