"""Two builds of one database at once: work done twice, no harm."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from headgate_github.synth.traps import TRAPS
from tests import programs
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import WITH_GATES, WITHOUT_GATES, build, contents
from tests.acceptance.tables import differences
from tests.support import Database, Databases

UNPROVEN = """
    select model, source, partition_start from ops.certified_partitions
    join ops.built_partitions using (model, source, partition_start)
    where certified_partitions.version <> built_partitions.version
"""


def build_twice_at_once(database: Database) -> None:
    """Two runs of dbt. Without gates: a gate that two runs evaluate at once may fail to keep its rows."""
    runs = []
    for number in (1, 2):
        command = database.dbt_command(*WITHOUT_GATES)
        own = [str(word).replace("/target", f"/target{number}") for word in command[1:]]
        runs.append(programs.start("dbt", *own, env=database.env, stdout=subprocess.PIPE))
    outputs = [run.communicate()[0].decode() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], "\n".join(outputs)


@pytest.mark.slow
@pytest.mark.parametrize("server", ["system"], indirect=True)
def test_two_builds_at_once_end_as_one(databases: Databases, tmp_path: Path) -> None:
    """The tables are those of one build after the other, and what they hold can be published."""
    files = list(generated(tmp_path, hours_from("2016-03-01T04", 6), events_per_hour=300, traps=TRAPS))
    with databases.new() as calm, databases.new() as crowded:
        build(calm, files[:3])
        build(calm, files)
        build(crowded, files[:3])
        crowded.headgate("land", "gharchive", *files)
        build_twice_at_once(crowded)
        crowded.dbt(*WITH_GATES)
        assert differences(contents(calm), contents(crowded)) == {}
        assert crowded.query(UNPROVEN) == []
        crowded.headgate("publish")
