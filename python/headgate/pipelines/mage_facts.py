"""What Mage 0.9.80 knows, as constants: importing Mage takes ten seconds, and Headgate never does."""

from __future__ import annotations

PIPELINE_TYPES = frozenset(
    {"python", "streaming", "integration", "pyspark", "databricks", "execution_framework"}
)
BLOCK_TYPES = frozenset(
    {
        "callback",
        "chart",
        "conditional",
        "custom",
        "data_exporter",
        "data_loader",
        "dbt",
        "extension",
        "global_data_product",
        "markdown",
        "scratchpad",
        "sensor",
        "transformer",
    }
)
#: In Mage's enum, but a pipeline with one crashes when it is loaded.
CRASHING_BLOCK_TYPES = frozenset({"hook", "dynamic_child", "group", "pipeline"})
#: Language -> extension of the block's file.
LANGUAGES = {"python": "py", "sql": "sql", "yaml": "yaml", "r": "r", "markdown": "md"}
EXECUTORS = frozenset(
    {
        "local_python",
        "local_python_force",
        "pyspark",
        "k8s",
        "ecs",
        "gcp_cloud_run",
        "azure_container_instance",
    }
)
#: Decorators that a Python block of a type may carry; other types need none.
DECORATORS = {
    "callback": ("callback", "on_success", "on_failure"),
    "conditional": ("condition",),
    "custom": ("custom",),
    "data_exporter": ("data_exporter", "streaming_sink"),
    "data_loader": ("data_loader", "streaming_source"),
    "sensor": ("sensor",),
    "transformer": ("transformer",),
}
#: Lists of a pipeline's metadata.yaml that hold blocks.
BLOCK_LISTS = ("blocks", "callbacks", "conditionals", "widgets")
SCHEDULE_TYPES = frozenset({"time", "api", "event"})
SCHEDULE_INTERVALS = frozenset({"@once", "@hourly", "@daily", "@weekly", "@monthly", "@always_on"})
TRIGGER_STATUSES = frozenset({"active", "inactive"})
DBT_COMMANDS = frozenset({"build", "run", "test", "seed", "snapshot"})


def folder_of(block_type: str) -> str:
    """The folder that holds the files of a block type."""
    return "custom" if block_type == "custom" else f"{block_type}s"
