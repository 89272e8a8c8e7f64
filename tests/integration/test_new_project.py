"""`headgate new project` and `headgate remove package`: a project without the example works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.scaffold.project import PLACES, checkout, new_project, without_lines
from tests import shell
from tests.support import ROOT, clean_environment
from tests.unit.test_example_apart import EXAMPLE, EXCEPTIONS, NAMED

#: With the programs of this environment: none is made, nothing is fetched.
#: Labels with and without a horizon.
SPINES = (
    ("returning_customers", "again=count(*) > 0", "--horizon", "3d"),
    ("any_customers", "is_known=customer_id is not null"),
)
MAKE = ("make", "RUN=", f"UV={shutil.which('true')}", "STAMP=/dev/null")
ORDERS = [
    {"id": number, "customer_id": number % 3, "total": 5, "created_at": f"2026-03-01T0{number}:00:00Z"}
    for number in range(8)
]

PREDICTIONS = ("_predictions__sources.yml", "stg_predictions__answers.sql", "predictions_observed_paths.sql")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project, set up with this environment."""
    folder = tmp_path_factory.mktemp("new") / "shop"
    new_project(folder, checkout())
    return folder


@pytest.fixture
def in_project(project: Path) -> Iterator[Path]:
    """The project, with its server ended after the test."""
    yield project
    call(project, "headgate", "down", "--yes")


def call(folder: Path, *command: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs a program of this environment in a project, by itself or by `make`."""
    env = clean_environment()
    env["PATH"] = shell.path(env)
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, (
        f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return done


def commands() -> str:
    """The blocks of docs/make_it_yours.md that are for a shell in the new project."""
    text = (ROOT / "docs" / "make_it_yours.md").read_text()
    return "\n".join(re.findall(r"^```bash\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def naming_files(folder: Path) -> list[str]:
    """Files that name the example, which the test over the framework's text does not know of."""
    names = call(folder, "git", "ls-files").stdout.splitlines()
    allowed = {*EXCEPTIONS, "uv.lock", "pyproject.toml"}
    return [name for name in names if name not in allowed and NAMED.search((folder / name).read_text())]


def test_a_new_project_has_nothing_of_the_example(project: Path) -> None:
    """No file names it, none is missing that git should have, and a second call writes nothing over it."""
    assert naming_files(project) == []
    staged = call(project, "git", "ls-files").stdout.splitlines()
    expected = {"Makefile", "dbt_project.yml", "models/features/.gitkeep", "python/headgate/settings.py"}
    # It can serve a model: the log's source and models, policies of models.
    expected |= {f"models/staging/predictions/{name}" for name in PREDICTIONS}
    expected |= {"macros/predictions/predictions_schema_generation.sql", "seeds/model_gates.csv"}
    assert expected <= set(staged)
    call(project, sys.executable, "-m", "headgate.pipelines.validate", "mage_pipelines", "--strict")
    with pytest.raises(UsageError, match="an empty one"):
        new_project(project, checkout())


def test_lines_of_one_package_are_taken_out() -> None:
    """Those between its marks, and no others."""
    text = "a\n  # one: begin\n  b\n  # one: end\n# two: begin\nc\n# two: end\n"
    assert without_lines(text, "one") == "a\n# two: begin\nc\n# two: end\n"


@pytest.mark.slow
def test_a_new_project_goes_from_a_sample_to_a_release(in_project: Path) -> None:
    """`make lint` and `make test`, the commands of the page, spines; no schema of the example."""
    (in_project / "orders.jsonl").write_text("".join(json.dumps(order) + "\n" for order in ORDERS))
    call(in_project, *MAKE, "lint", "test")
    call(in_project, "bash", "-euc", commands())
    for name, label, *horizon in SPINES:
        events = ("--events", "stg_orders__records", "--key", "customer_id")
        call(in_project, "headgate", "new", "spine", name, *events, "--label", label, *horizon)
    # The empty database of lint is built again by each: models find what they left.
    call(in_project, *MAKE, "lint", "test", "docs")
    uri = call(in_project, "headgate", "dsn").stdout.strip()
    newest = (
        "select orders_count_7d from feature_store.customer_orders where customer_id = 1 order by as_of desc"
    )
    assert scalar(uri, "select count(*) from typed.stg_orders__records") == len(ORDERS)
    assert scalar(uri, newest) == 3
    assert scalar(uri, "select count(*) from pg_namespace where nspname ~ 'github|gharchive'") == 0
    assert "gharchive" not in call(in_project, "headgate", "--help").stdout


@pytest.mark.slow
def test_a_clone_without_the_example_is_linted_documented_and_built(tmp_path: Path) -> None:
    """`headgate remove package`: a plan first; then lint, the docs site and a build of all models."""
    clone = tmp_path / "clone"
    call(tmp_path, "git", "clone", "--quiet", str(ROOT), str(clone))
    plan = call(clone, "headgate", "remove", "package", "headgate_github", exit_code=4).stdout
    assert "python/headgate_github" in plan
    assert (clone / "python/headgate_github").is_dir()
    call(clone, "headgate", "remove", "package", "headgate_github", "--yes")
    left = [path for place in PLACES for path in (clone / place).rglob("*") if EXAMPLE.search(path.name)]
    assert left == []
    call(clone, *MAKE, "lint", "docs")
    call(clone, "headgate", "remove", "package", "headgate_github", exit_code=2)


def scalar(uri: str, query: str) -> int:
    """One number of the database."""
    import psycopg2

    connection = psycopg2.connect(uri)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return int(cursor.fetchone()[0])
    finally:
        connection.close()
