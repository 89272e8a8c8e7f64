"""The framework names nothing of its example, events of GitHub, outside folders named for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.extensions import extensions
from headgate.sources import DeclaredSource, all_sources, get_source
from headgate.sources.declared import sharing_sources
from tests.small_project import declare
from tests.support import ROOT

FRAMEWORK = ("macros", "python/headgate", "mage_pipelines", "tests/gates")
#: Folders of the example.
EXAMPLE = re.compile(r"github|gharchive|pull_request", re.IGNORECASE)
#: Words that are the example's: its sources, its record types, its seeds, its columns.
NAMED = re.compile(
    r"github|gh ?archive|known_bots|pull_?request|merge_rate|repository_id|actor_(id|login)"
    r"|\b(Push|Fork|Watch|Issues|Create)Event\b",
    re.IGNORECASE,
)
#: Files that may name it, each with its reason. The list only gets shorter.
EXCEPTIONS = {
    "python/headgate/postgres/migrations/versions/0002_create_staging_gharchive.py": "history",
    "python/headgate/postgres/migrations/versions/0009_append_loads.py": "history",
    "python/headgate/postgres/migrations/versions/0022_write_contract_source.py": "history, in the way back",
    "python/headgate/pipelines/validation/secret_rules.py": "knows tokens of services by their form",
    "mage_pipelines/.headgate-validate.yaml": "the project's own list of blocks that are gates",
}


def framework_files() -> Iterator[Path]:
    """Text files of the framework, seen from the project's folder."""
    for place in FRAMEWORK:
        for file in sorted((ROOT / place).rglob("*")):
            path = file.relative_to(ROOT)
            is_cache = "__pycache__" in path.parts or file.name.startswith(".profiles_interpolated")
            if file.is_file() and not is_cache and not any(EXAMPLE.search(part) for part in path.parts[:-1]):
                yield path


def naming_lines(path: Path) -> list[str]:
    """Lines of a file that name the example."""
    lines = (ROOT / path).read_text(errors="replace").splitlines()
    return [f"{path}:{number}: {line}" for number, line in enumerate(lines, 1) if NAMED.search(line)]


def test_the_framework_names_nothing_of_the_example() -> None:
    """No file does but those that are listed, and each of these still does."""
    found = {str(path): lines for path in framework_files() if (lines := naming_lines(path))}
    assert [line for path, lines in found.items() if path not in EXCEPTIONS for line in lines] == []
    assert EXCEPTIONS.keys() - found.keys() == set(), "mended: take them off the list"


@pytest.mark.parametrize("text", ["GitHub's", "stg_gharchive__events", "'PushEvent'", "pull_requests"])
def test_words_of_the_example_are_known(text: str) -> None:
    """What the test above looks for is what the example says."""
    assert NAMED.search(text)


def test_contracts_that_are_shared_are_declared_alike() -> None:
    """What dbt reads in dbt_project.yml is what the sources of a package say."""
    brought = {name: source.contract for name, source in all_sources(ROOT).items()}
    shared = {name: source.contract for name, source in sharing_sources(ROOT).items()}
    own = {name for name, (source, _) in brought.items() if source == name}
    assert {name: contract for name, contract in brought.items() if name not in own} == shared


def test_a_project_without_packages_has_headgates_own_commands_and_sources(tmp_path: Path) -> None:
    """Nothing of the example is there where dbt_project.yml does not name it."""
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    assert extensions(tmp_path) == []
    assert all_sources(tmp_path) == {}


@pytest.mark.parametrize("name", ["no_such_package", "headgate.errors"])
def test_a_package_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    """One that is not installed, and one that brings no extension."""
    (tmp_path / "dbt_project.yml").write_text(f"vars: {{headgate_packages: [{name}]}}\n")
    with pytest.raises(UsageError, match=f"package {name} in headgate_packages"):
        all_sources(tmp_path)


def test_a_source_may_be_held_to_the_contract_of_another(tmp_path: Path) -> None:
    """By `contract_of` in dbt_project.yml; its loader stands where its table is declared."""
    declare(tmp_path, "orders", {})
    staging = tmp_path / "models/staging/shop"
    staging.mkdir()
    meta = "config: {meta: {loader: {type: files, location: incoming/*.jsonl}}}"
    (staging / "_shop__sources.yml").write_text(
        f"sources: [{{name: shop, tables: [{{name: sales, {meta}}}]}}]\n"
    )
    (tmp_path / "dbt_project.yml").write_text("vars: {contract_of: {shop.sales: orders.records}}\n")
    found = get_source("shop", tmp_path)
    assert (found.name, found.entity, found.contract) == ("shop", "sales", ("orders", "records"))
    assert isinstance(found, DeclaredSource)
    assert found.loader["location"] == "incoming/*.jsonl"
