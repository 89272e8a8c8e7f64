"""Rules on what a Mage project has once: metadata, io_config, global data products, unused files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from headgate.pipelines.validation.block_rules import DECORATORS, STREAMING
from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Pipeline
from headgate.pipelines.validation.project import Project
from headgate.pipelines.validation.schema import check
from headgate.pipelines.validation.schemas import schemas
from headgate.pipelines.validation.suggestions import change_to, nearest, one_of
from headgate.pipelines.validation.yaml_lines import Items, Lines, is_templated, line_of


def metadata(project: Project, _: Sequence[Pipeline]) -> Iterator[Finding]:
    """HG004, HG009, HG015, HG061: the project's metadata.yaml."""
    path = project.folder / "metadata.yaml"
    data = project.mapping(path, templated=True) if project.is_file(path) else None
    if data is None:
        return
    yield from check(schemas().project, data, path)
    known = project.lists.project_types
    if (found := data.get("project_type")) is not None and found not in known and not is_templated(found):
        yield _value(path, line_of(data, "project_type"), f"project_type {found}", found, known)
    yield from alerts(project, path, data)


def alerts(project: Project, path: Path, data: Lines) -> Iterator[Finding]:
    """HG061: what a notification_config alerts on."""
    config = data.get("notification_config")
    listed = config.get("alert_on") if isinstance(config, Lines) else None
    for found in listed if isinstance(listed, Items) else ():
        if found not in project.lists.alert_on and not is_templated(found):
            line = line_of(listed, found)
            yield _value(path, line, f"alert_on {found}", found, project.lists.alert_on)


def pipeline_alerts(project: Project, pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """HG061: what the pipelines alert on."""
    for pipeline in pipelines:
        yield from alerts(project, pipeline.metadata_file, pipeline.metadata)


def io_config(project: Project, _: Sequence[Pipeline]) -> Iterator[Finding]:
    """HG004, HG009, HG015: io_config.yaml has profiles with keys that Mage reads."""
    path = project.folder / "io_config.yaml"
    data = project.mapping(path, templated=True) if project.is_file(path) else None
    for name, profile in data.items() if data is not None else ():
        if name == "version":
            continue
        line = data.lines[name] if data else 1
        if not isinstance(profile, Lines):
            expected, mend = "a mapping of settings", "indent the settings below the profile's name"
            yield Finding("HG004", path, line, f"profile {name} is no mapping", expected, mend)
        else:
            yield from check(schemas().io_profile, profile, path)


def products(project: Project, pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """HG004, HG060, HG061: global data products, and the blocks that use them."""
    path = project.folder / "global_data_products.yaml"
    data = project.products
    by_name = {pipeline.folder.name: pipeline for pipeline in pipelines}
    for name, product in data.items() if data is not None else ():
        if isinstance(product, Lines):
            yield from check(schemas().product, product, path, name)
            yield from _product(project, path, name, product, by_name)
        else:
            line = line_of(data, name)
            mend = "give it an object_type and an object_uuid"
            yield Finding("HG004", path, line, "a product that is no mapping", "a mapping", mend, name)
    for pipeline in pipelines:
        yield from product_blocks(pipeline)


def _product(
    project: Project, path: Path, name: str, product: Lines, pipelines: dict[str, Pipeline]
) -> Iterator[Finding]:
    kind, target = product.get("object_type"), product.get("object_uuid")
    if kind is not None and kind not in project.lists.product_types:
        line = line_of(product, "object_type")
        yield _value(path, line, f"object_type {kind}", kind, project.lists.product_types, name)
    if kind != "pipeline" or not isinstance(target, str) or product.get("project"):
        return
    if target not in pipelines:
        if not (project.folder / "pipelines" / target).is_dir():
            line = line_of(product, "object_uuid")
            mend = change_to(target, pipelines)
            yield Finding("HG060", path, line, f"pipeline {target}", "a pipeline of this project", mend, name)
        return
    blocks = pipelines[target].graph
    settings = product.get("settings")
    for block in settings if isinstance(settings, Lines) else ():
        if block not in blocks:
            line = line_of(product, "settings", block)
            match = nearest(block, blocks)
            mend = f"did you mean {match}?" if match else "name a block of the pipeline"
            yield Finding("HG060", path, line, f"block {block}", f"a block of {target}", mend, name)


def product_blocks(pipeline: Pipeline) -> Iterator[Finding]:
    """HG060: a global data product block names a product that is declared."""
    known = pipeline.project.products or Lines()
    for block in pipeline.blocks:
        if block.type != "global_data_product":
            continue
        given = block.configuration.get("global_data_product")
        name = given.get("uuid") if isinstance(given, Lines) else None
        if isinstance(given, Lines) and given.get("project"):
            continue
        if not isinstance(name, str) or name not in known:
            keys = ("configuration", "global_data_product", "uuid")
            message = f"global data product {name}" if name else "a block without a global data product"
            expected = "one that global_data_products.yaml declares"
            yield block.finding("HG060", keys, message, expected, change_to(name, known))


def orphans(project: Project, pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """HG017: block files that no pipeline uses."""
    if project.unreadable:
        return  # A pipeline that cannot be read may use them.
    used = {os.path.normpath(block.file) for pipeline in pipelines for block in pipeline.blocks}
    extensions = {f".{extension}" for extension in project.lists.languages.values()}
    types = [*DECORATORS, "dbt"]
    for kind in types:
        folder = project.folder / ("custom" if kind == "custom" else f"{kind}s")
        for path in folder.rglob("*"):
            if (
                path.suffix not in extensions
                or path.name.startswith((".", "__"))
                or os.path.normpath(path) in used
            ):
                continue
            if _is_block(project, path, kind):
                message = f"no pipeline uses this {kind}"
                mend = "remove the file, or add a block to a pipeline"
                yield Finding("HG017", path, 1, message, "a pipeline that uses it", mend, path.stem)


def _is_block(project: Project, path: Path, kind: str) -> bool:
    """Whether a file is a block, not a module that blocks import."""
    if path.suffix != ".py":
        return True
    python = project.python(path)
    wanted = (*DECORATORS.get(kind, ()), STREAMING.get(kind, ""))
    return python is not None and bool(python.under(*wanted))


def _value(path: Path, line: int, message: str, found: Any, known: Sequence[str], block: str = "") -> Finding:
    return Finding("HG061", path, line, message, one_of(known), change_to(found, known), block)


RULES = (metadata, pipeline_alerts, io_config, products, orphans)
