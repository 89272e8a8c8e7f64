"""Mage's lists: read from the installed Mage's source without importing it, else from a committed snapshot.

Importing Mage takes ten seconds; parsing the few files that hold its lists takes some hundredths of one.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

SNAPSHOT = Path(__file__).with_name("mage_lists.json")


@dataclass(frozen=True)
class MageLists:
    """What a version of Mage knows."""

    version: str
    pipeline_types: list[str]
    block_types: list[str]
    #: Block types with a class behind them; a pipeline with another one does not load.
    working_block_types: list[str]
    #: Language -> extension of the block's file.
    languages: dict[str, str]
    block_statuses: list[str]
    block_colors: list[str]
    executor_types: list[str]
    execution_frameworks: list[str]
    callback_statuses: list[str]
    schedule_types: list[str]
    schedule_intervals: list[str]
    schedule_statuses: list[str]
    environments: list[str]
    trigger_keys: list[str]
    required_trigger_keys: list[str]
    trigger_settings: list[str]
    retry_keys: list[str]
    concurrency_keys: list[str]
    notification_keys: list[str]
    alert_on: list[str]
    stream_sources: list[str]
    stream_sinks: list[str]
    io_keys: list[str]
    io_groups: list[str]
    product_types: list[str]
    outdated_after: list[str]
    outdated_starting_at: list[str]
    project_types: list[str]
    features: list[str]

    def as_json(self) -> str:
        """The snapshot's text."""
        return json.dumps(asdict(self), indent=1) + "\n"


@cache
def mage_lists() -> MageLists:
    """The lists of the installed Mage where there is one that is understood, else the snapshot."""
    return installed() or snapshot()


@cache
def snapshot() -> MageLists:
    """The committed lists."""
    return MageLists(**json.loads(SNAPSHOT.read_text(encoding="utf-8")))


def installed() -> MageLists | None:
    """The lists of the installed Mage; None without one, or with one whose source is laid out differently."""
    try:
        spec = importlib.util.find_spec("mage_ai")
        version = importlib.metadata.version("mage-ai")
    except (ImportError, ValueError, importlib.metadata.PackageNotFoundError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    try:
        lists = read(Path(next(iter(spec.submodule_search_locations))), version)
    except (OSError, SyntaxError, LookupError):
        return None
    return lists if all(getattr(lists, field.name) for field in fields(lists)) else None


def read(folder: Path, version: str) -> MageLists:
    """The lists in a folder with Mage's source.

    Raises:
        LookupError: A class that should be there is not.
    """
    models = _Source(folder / "data_preparation/models/constants.py")
    triggers = _Source(folder / "data_preparation/models/triggers/__init__.py")
    streaming = _Source(folder / "streaming/constants.py")
    products = _Source(folder / "data_preparation/models/block/settings/global_data_products/models.py")
    io = _Source(folder / "io/config.py")
    notification = _Source(folder / "orchestration/notification/config.py")
    languages = models.enum("BlockLanguage")
    trigger_fields = triggers.fields("Trigger")
    return MageLists(
        version=version,
        pipeline_types=sorted(models.enum("PipelineType").values()),
        block_types=sorted(models.enum("BlockType").values()),
        working_block_types=_working(folder, models.enum("BlockType")),
        languages={
            languages[key]: extension
            for key, extension in sorted(models.mapping("BLOCK_LANGUAGE_TO_FILE_EXTENSION").items())
        },
        block_statuses=sorted(models.enum("BlockStatus").values()),
        block_colors=sorted(models.enum("BlockColor").values()),
        executor_types=sorted(models.enum("ExecutorType").values()),
        execution_frameworks=sorted(
            _Source(folder / "frameworks/execution/models/enums.py").enum("ExecutionFrameworkUUID").values()
        ),
        callback_statuses=sorted(models.enum("CallbackStatus").values()),
        schedule_types=sorted(triggers.enum("ScheduleType").values()),
        schedule_intervals=sorted(triggers.enum("ScheduleInterval").values()),
        schedule_statuses=sorted(triggers.enum("ScheduleStatus").values()),
        environments=_environments(_Source(folder / "shared/constants.py")),
        trigger_keys=sorted(trigger_fields),
        required_trigger_keys=sorted(key for key, default in trigger_fields.items() if not default),
        trigger_settings=sorted(triggers.fields("SettingsConfig")),
        retry_keys=sorted(_Source(folder / "data_preparation/shared/retry.py").fields("RetryConfig")),
        concurrency_keys=sorted(_Source(folder / "orchestration/concurrency.py").fields("ConcurrencyConfig")),
        notification_keys=sorted(notification.fields("NotificationConfig")),
        alert_on=sorted(notification.enum("AlertOn").values()),
        stream_sources=_connectors(folder / "streaming/sources/source_factory.py", streaming, "SourceType"),
        stream_sinks=_connectors(folder / "streaming/sinks/sink_factory.py", streaming, "SinkType"),
        io_keys=sorted(io.enum("ConfigKey").values()),
        io_groups=sorted(io.enum("VerboseConfigKey").values()),
        product_types=sorted(products.enum("GlobalDataProductObjectType").values()),
        outdated_after=sorted(products.fields("OutdatedAfterSettings")),
        outdated_starting_at=sorted(products.fields("OutdatedStartingAtSettings")),
        project_types=sorted(
            _Source(folder / "data_preparation/repo_manager.py").enum("ProjectType").values()
        ),
        features=sorted(
            _Source(folder / "data_preparation/models/project/constants.py").enum("FeatureUUID").values()
        ),
    )


class _Source:
    """One file of Mage, parsed."""

    def __init__(self, path: Path) -> None:
        self.tree = ast.parse(path.read_text(encoding="utf-8"))

    def _class(self, name: str) -> ast.ClassDef:
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return node
        raise LookupError(name)

    def enum(self, name: str) -> dict[str, str]:
        """The members of an enum with texts as values."""
        members = {}
        for node in self._class(name).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = ast.literal_eval(node.value)
                members[node.targets[0].id] = value[0] if isinstance(value, tuple) else value
        return members

    def fields(self, name: str) -> dict[str, bool]:
        """The fields of a dataclass, and whether each has a default."""
        return {
            node.target.id: node.value is not None
            for node in self._class(name).body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }

    def assigned(self, name: str) -> ast.expr:
        """What a module-level name is assigned."""
        for node in self.tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(node, ast.Assign) and isinstance(target, ast.Name) and target.id == name:
                return node.value
        raise LookupError(name)

    def mapping(self, name: str) -> dict[str, Any]:
        """A mapping from enum members, by their names, to constants."""
        value = self.assigned(name)
        if not isinstance(value, ast.Dict):
            raise LookupError(name)
        return {
            key.attr: ast.literal_eval(item)
            for key, item in zip(value.keys, value.values, strict=True)
            if isinstance(key, ast.Attribute)
        }


def _attributes(node: ast.AST, owner: str) -> Iterator[str]:
    """The members of an enum that are named below a node."""
    for child in ast.walk(node):
        if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name) and child.value.id == owner:
            yield child.attr


def _working(folder: Path, types: dict[str, str]) -> list[str]:
    """Block types with an entry in the table of classes, and those that the factory names itself."""
    table = _Source(folder / "data_preparation/models/block/constants.py").assigned("BLOCK_TYPE_TO_CLASS")
    factory = _Source(folder / "data_preparation/models/block/block_factory.py").tree
    named = {*_attributes(table, "BlockType"), *_attributes(factory, "BlockType")}
    return sorted(types[name] for name in named)


def _connectors(factory: Path, constants: _Source, owner: str) -> list[str]:
    """The connectors that a factory takes: fewer than its enum has."""
    members = constants.enum(owner)
    function = next(
        node
        for node in ast.walk(_Source(factory).tree)
        if isinstance(node, ast.FunctionDef) and node.name in {"get_source", "get_sink"}
    )
    names = set(_attributes(function, owner))
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id.endswith("_TYPES"):
            names |= set(_attributes(constants.assigned(node.id), owner))
    return sorted(members[name] for name in names)


def _environments(source: _Source) -> list[str]:
    constants = {
        node.targets[0].id: node.value.value
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    listed = source.assigned("VALID_ENVS")
    return sorted(
        str(constants[node.id])
        for node in ast.walk(listed)
        if isinstance(node, ast.Name) and node.id in constants
    )


if __name__ == "__main__":
    # `python -m headgate.pipelines.validation.mage_lists` writes the snapshot anew.
    found = installed()
    if found is not None:
        SNAPSHOT.write_text(found.as_json(), encoding="utf-8")
