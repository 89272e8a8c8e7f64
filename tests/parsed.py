"""Has dbt read the project once in a run of tests, and hands it to the target folder of each database.

dbt uses a parsed project only where connection and variables are those it was parsed for. The databases of
tests have names of one length, so name and hashes can be exchanged in a copy, in place.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pprint
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests import forked
from tests.forked import NOWHERE, ROOT
from tests.locks import locked
from tests.programs import clean_environment, run
from tests.trial_servers import HOME

FILE = "partial_parse.msgpack"
#: What `headgate run` runs in Mage: its dbt blocks.
BLOCKS = ("models",)


def hand_on(folder: Path, project: Path, env: Mapping[str, str], **options: Any) -> None:
    """Gives a target folder what dbt parsed, unless dbt was there before; `options`: see `_options`.

    A project with other sources is left alone: that they are others is what dbt does not notice.
    """
    if (folder / FILE).exists() or _sources(project) != _sources(ROOT):
        return
    content = _parsed()
    for old, new in (
        (NOWHERE["PGDATABASE"], env["PGDATABASE"]),
        (_connection(NOWHERE), _connection(env)),
        (_options(), _options(**options)),
    ):
        assert len(old) == len(new), f"{new} is not as long as {old}"
        assert old.encode() in content, f"{old} is not what dbt {version('dbt-core')} writes"
        content = content.replace(old.encode(), new.encode())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(content)


def hand_on_for(command: str, home: Path, project: Path, env: Mapping[str, str]) -> None:
    """The same for the target folders below HEADGATE_HOME that a `headgate` command uses."""
    if command in {"plan", "approve", "apply"}:
        hand_on(home / "plan" / "target", project, env)
    elif command in {"run", "backfill"}:
        for name in BLOCKS:
            hand_on(home / "dbt" / name, project, env, target="dev", variables=_of_block(name, project))
    else:
        return
    note = home / "dbt" / "sources"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(_sources(project))


def _sources(project: Path) -> str:
    """The sources of a project as Headgate notes them down; see `headgate.planning.dbt`."""
    return "\n".join(sorted(macro.stem for macro in (project / "macros").rglob("*_schema_generation.sql")))


def _of_block(name: str, project: Path) -> dict[str, Any]:
    """The variables that Mage gives to a dbt block in a run without the scheduler."""
    return {
        "block_uuid": f"build/{name}",
        "configuration": {
            "dbt": {"command": "build"},
            "dbt_profile_target": "dev",
            "dbt_project_name": "..",
        },
        "context": {},
        "env": "dev",
        "pipeline_uuid": "build_features",
        "raise_failures": True,
        "repo_path": str(project / "mage_pipelines"),
        "retry": {"attempts": 1},
        "wait_minutes": 0,
    }


@functools.cache
def _parsed() -> bytes:
    """The project as dbt parsed it before programs were forked; where it could not, says why."""
    folder = Path(os.environ[HOME]) / "parsed"
    with locked(folder.with_suffix(".lock")):
        if not (folder / FILE).exists():
            run("dbt", "parse", *forked.folders(folder), env={**clean_environment(), **NOWHERE})
    return (folder / FILE).read_bytes()


def write_profiles(folder: Path) -> Path:
    """A folder with the example's profiles.yml."""
    profiles = folder / "profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / "profiles.yml").write_bytes((ROOT / "profiles.example.yml").read_bytes())
    return profiles


def _connection(env: Mapping[str, str]) -> str:
    """The hash of a connection: of everything in it that is no secret."""
    unset = ("role", "search_path", "sslcert", "sslkey", "sslmode", "sslrootcert")
    given = {
        "application_name": "dbt",
        "connect_timeout": 10,
        "database": env["PGDATABASE"],
        "host": env["PGHOST"],
        "keepalives_idle": 60,
        "port": int(env["PGPORT"]),
        "retries": 2,
        "schema": "typed",
        "user": env["PGUSER"],
    }
    return _hash(pprint.pformat(sorted({**dict.fromkeys(unset), **given}.items())))


def _options(target: str = "", variables: Mapping[str, Any] | None = None) -> str:
    """The hash of --vars and --target."""
    return _hash("\0".join([pprint.pformat(dict(variables or {})), "", target, version("dbt-core")]))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
