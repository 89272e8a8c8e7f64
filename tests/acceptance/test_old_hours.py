"""Hours of 2011 to 2014: older payloads, and files that are named in Pacific time."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate_github.synth import Truth, write_hours
from tests.acceptance.hours import GOOD_TRAPS
from tests.acceptance.runs import build
from tests.acceptance.tables import accounts
from tests.support import Database

pytestmark = pytest.mark.costly

#: First and last hours, UTC: the first ones, both changes of names, summer time's beginning and end.
RANGES = {
    "first": ("2011-02-12T00", "2011-02-12T01"),
    "into Pacific names": ("2012-03-10T21", "2012-03-11T07"),
    "spring": ("2013-03-10T09", "2013-03-10T10"),
    "autumn": ("2013-11-03T07", "2013-11-03T10"),
    "out of Pacific names": ("2014-12-31T23", "2015-01-01T00"),
}
#: The partitions that the files of these ranges have to land in, by the files' names.
PARTITIONS = {
    "2011-02-12-0": ("2011-02-12T00", "2011-02-12T01"),
    "2011-02-12-1": ("2011-02-12T01", "2011-02-12T02"),
    "2012-03-10-21": ("2012-03-10T21", "2012-03-10T22"),
    "2012-03-10-22": ("2012-03-11T06", "2012-03-11T07"),
    "2012-03-10-23": ("2012-03-11T07", "2012-03-11T08"),
    "2013-03-10-1": ("2013-03-10T09", "2013-03-10T10"),
    "2013-03-10-3": ("2013-03-10T10", "2013-03-10T11"),
    "2013-11-03-0": ("2013-11-03T07", "2013-11-03T08"),
    "2013-11-03-1": ("2013-11-03T08", "2013-11-03T10"),
    "2013-11-03-2": ("2013-11-03T10", "2013-11-03T11"),
    "2014-12-31-15": ("2014-12-31T23", "2015-01-01T00"),
    "2015-01-01-0": ("2015-01-01T00", "2015-01-01T01"),
}
WHOLE = "select to_char(partition_start at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24'),"
LANDED = f"""
    {WHOLE} to_char(partition_end at time zone 'UTC', 'YYYY-MM-DD"T"HH24'), uri
    from ops.loads where status = 'landed' order by partition_start
"""


def instant(text: str) -> datetime:
    """An hour, UTC, written like 2016-01-01T01."""
    return datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Truth]:
    """Every range in a folder of its own."""
    found = {}
    for name, (first, last) in RANGES.items():
        folder = tmp_path_factory.mktemp(name.replace(" ", "_"))
        found[folder] = write_hours(
            folder, instant(first), instant(last), events_per_hour=400, seed=11, traps=GOOD_TRAPS
        )
    return found


@pytest.fixture(scope="module")
def built(module_database: Database, truths: dict[Path, Truth]) -> Database:
    """All files landed by their names and built, behind all gates."""
    files = [file for folder in truths for file in sorted(folder.glob("*.json.gz"))]
    build(module_database, files, gates=True)
    return module_database


def test_files_land_in_the_hours_that_they_hold(built: Database) -> None:
    """Partitions are in UTC, whatever the name says: one hour each, two where the clocks showed one twice."""
    found = {Path(uri).name.removesuffix(".json.gz"): (start, end) for start, end, uri in built.query(LANDED)}

    assert found == PARTITIONS


def test_every_hour_types(built: Database, truths: dict[Path, Truth]) -> None:
    """Nothing is quarantined, and what is typed is what was generated."""
    found = accounts(built)
    assert [account for account in found if not account.balances] == []
    assert (
        sum(account.quarantined for account in found)
        == sum(truth.quarantined for truth in truths.values())
        == 0
    )
    assert sum(account.typed for account in found) == sum(truth.typed for truth in truths.values())
    types = sum((truth.counts.types for truth in truths.values()), Counter[str]())
    assert (
        dict(built.query("select event_type, count(*) from typed.stg_gharchive__events group by 1")) == +types
    )


def test_merges_are_counted_where_the_payload_can_tell(built: Database, truths: dict[Path, Truth]) -> None:
    """What an early event closed is neither merged nor rejected, in outcomes, in features and in labels."""
    wanted = {
        name: sum(getattr(truth.counts, f"pull_requests_{name}") for truth in truths.values())
        for name in ("opened", "merged", "rejected")
    }
    outcomes = "select outcome, count(*) from typed.int_pull_requests__attributed_to_authors group by 1"
    assert dict(built.query(outcomes)) == wanted
    closed = """
        select outcome, is_merged, count(*) from typed.stg_gharchive__pull_requests
        where schema_generation = 'events_early' and action = 'closed' group by 1, 2
    """
    untold = sum(truth.counts.pull_requests_untold for truth in truths.values())
    assert built.query(closed) == [(None, None, untold)]
    assert untold > 0
    sums = ", ".join(f"sum(pull_requests_{name}_count_1h)::int" for name in wanted)
    # One range ends where the next hour is not processed: no row shows its last hour later than itself.
    assert built.query(f"select {sums} from features.repository_activity") == [tuple(wanted.values())]


def test_early_payloads_are_typed(built: Database, truths: dict[Path, Truth]) -> None:
    """Commits in arrays, forks by number and refs under another name become the columns of later years."""
    commits = sum(truth.counts.commits for truth in truths.values())
    assert built.value("select count(*) from typed.stg_gharchive__push_commits") == commits
    early = "schema_generation in ('events_early', 'events_unlinked')"
    for table, column, kind in (
        ("forks", "fork_repository_id", "ForkEvent"),
        ("creates", "ref_type", "CreateEvent"),
        ("issues", "issue_id", "IssuesEvent"),
        ("pushes", "push_id", "PushEvent"),
    ):
        typed, events = built.query(
            f"select count(kind.{column}), count(*) from typed.stg_gharchive__events"
            f" join typed.stg_gharchive__{table} as kind using (event_id) where {early}"
        )[0]
        assert (typed, kind) == (events, kind)
        assert typed > 0


def test_addresses_in_early_commits_are_hashed(built: Database) -> None:
    """Names and addresses in arrays of commits are replaced before the first write."""
    hashes = "author_email_hash like 'hmac:%%' and author_name_hash like 'hmac:%%'"
    assert built.value(f"select count(*) from typed.stg_gharchive__push_commits where not ({hashes})") == 0


def test_no_gate_failed(built: Database) -> None:
    """Older hours pass all gates; that there are years between them is a warning."""
    assert (
        built.query("select gate, failures from ops.gate_results where status not in ('pass', 'warn')") == []
    )


def test_events_have_no_index_twice(built: Database) -> None:
    """Feature views take the indexes that the model of their events declares."""
    indexes = built.query(
        "select indexrelid::regclass::text, indkey::text from pg_index where indrelid = %s::regclass",
        "typed.int_activity__summed_by_hour",
    )
    assert len(indexes) == len({columns for _, columns in indexes}) == 5
    assert [name for name, _ in indexes if "events_by_" in name] == []


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_in_utc(database: Database, truths: dict[Path, Truth], name: str) -> None:
    """--from and --to find the files that hold these hours, and land the same as the files by name."""
    folder = next(folder for folder in truths if folder.name.startswith(name.replace(" ", "_")))
    first, last = RANGES[name]
    landed = database.headgate(
        "land", "gharchive", "--from", first, "--to", last, "--json", HEADGATE_DATA=str(folder)
    )
    results = json.loads(landed.stdout)
    assert {result["status"] for result in results} == {"landed"}
    assert ("8 of 11 hours have no file" in landed.stderr) == (name == "into Pacific names")
    found = {
        Path(uri).name.removesuffix(".json.gz"): (start, end) for start, end, uri in database.query(LANDED)
    }
    assert found == {
        file: extent for file, extent in PARTITIONS.items() if (folder / f"{file}.json.gz").is_file()
    }
    again = database.headgate("land", "gharchive", "--from", last, "--json", HEADGATE_DATA=str(folder))
    assert [result["status"] for result in json.loads(again.stdout)] == ["unchanged"]


def test_an_hour_that_clocks_skipped_is_refused(database: Database, tmp_path: Path) -> None:
    """No clock showed 2:00 on the night on which summer time began: the extent has to be said."""
    file = tmp_path / "2013-03-10-2.json.gz"
    file.write_bytes(gzip.compress(b"{}\n"))
    refused = database.headgate("land", "gharchive", file, exit_code=2)
    assert "skipped when summer time began" in refused.stderr
    assert "--partition" in refused.stderr
    database.headgate("land", "gharchive", file, "--partition", "2013-03-10T10/2013-03-10T11")


def test_an_hour_without_a_file_is_refused(database: Database) -> None:
    """Where names change no file covers eight hours."""
    refused = database.headgate("land", "gharchive", "--from", "2012-03-11T05", exit_code=2)
    assert "names change from UTC to Pacific time" in refused.stderr


def early(number: int, kind: str, payload: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    """A record as the archive has them of February 2011."""
    return {
        "repo": {"id": 7, "name": "ann/weir", "url": "https://api.github.com/repos/ann/weir"},
        "type": kind,
        "public": True,
        "created_at": "2011-02-12T00:00:33Z",
        "payload": payload,
        "actor": {"id": 1, "login": "ann", "url": "https://api.github.com/users/ann", "gravatar_id": "0"},
        "id": f"11271954{number:02}",
        **envelope,
    }


GONE = {"name": "/", "url": "https://api.github.com/repos//"}
NOBODY = {"url": "https://api.github.com/users/", "avatar_url": "https://secure.gravatar.com/avatar/"}
PULL = {
    "id": 71911,
    "number": 1,
    "title": "weirs",
    "commits": 1,
    "additions": 2,
    "deletions": 2,
    "issue_id": 5,
}
WHOLE_PULL = {"id": 71912, "state": "closed", "merged": True, "created_at": "2011-02-11T00:00:00Z"}
SOUND = [
    early(
        1,
        "PushEvent",
        {
            "shas": [["ab", "a@b", "m", "Ann"], []],
            "size": 2,
            "ref": "refs/heads/x",
            "head": "ab",
            "push_id": 3,
        },
    ),
    early(2, "CreateEvent", {"name": "weir", "object": "branch", "object_name": "master"}),
    early(
        3,
        "CreateEvent",
        {"name": "weir", "object": "repository", "object_name": None},
        repo=GONE,
        actor=NOBODY,
    ),
    early(4, "CreateEvent", {"ref": "fix", "ref_type": "branch", "master_branch": "master"}, repo=GONE),
    early(5, "DeleteEvent", {"ref": "v1", "ref_type": "tag"}, repo=GONE),
    early(6, "ForkEvent", {"forkee": 1359086}),
    early(7, "ForkEvent", {"forkee": {"id": 1359087, "name": "weir"}}),
    early(8, "IssuesEvent", {"issue": 594121, "number": 3, "action": "opened"}),
    early(9, "IssueCommentEvent", {"issue_id": 594121, "comment_id": 4}),
    early(10, "PullRequestEvent", {"action": "opened", "number": 1, "pull_request": PULL}),
    early(11, "PullRequestEvent", {"action": "closed", "number": 1, "pull_request": PULL}),
    early(12, "PullRequestEvent", {"action": "closed", "number": 2, "pull_request": WHOLE_PULL}),
    early(13, "MemberEvent", {"member": "ben", "action": "added"}),
    early(14, "FollowEvent", {"target": {"login": "ben"}}, repo=GONE),
    early(15, "PublicEvent", {}, repo=GONE),
]
BROKEN = [
    early(20, "PushEvent", {"shas": ["ab"], "size": 1, "ref": "x", "head": "ab", "push_id": 3}),
    early(21, "PushEvent", {"size": 1, "ref": "x", "head": "ab", "push_id": 3}),
    early(22, "CreateEvent", {"name": "weir"}),
    early(23, "ForkEvent", {"forkee": "weir"}),
    early(24, "IssuesEvent", {"issue": 1.5, "number": 3, "action": "opened"}),
    early(25, "WatchEvent", {"action": "started"}, repo=None),
    early(26, "WatchEvent", {"action": "started"}, actor={"id": "1", "login": "ann"}),
    early(
        27, "PullRequestEvent", {"action": "closed", "number": 1, "pull_request": {**PULL, "merged": "yes"}}
    ),
]


def test_shapes_of_early_events(database: Database, tmp_path: Path) -> None:
    """Sound records of each shape are typed; what breaks the contract of its own shape is quarantined."""
    file = tmp_path / "2011-02-12-0.json.gz"
    # Without line breaks between them, as some files of 2012 are.
    file.write_bytes(gzip.compress("".join(map(json.dumps, SOUND + BROKEN)).encode()))
    database.headgate("land", "gharchive", file)
    database.dbt("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")

    quarantined = {row[0] for row in database.query("select record_id from typed.stg_gharchive__quarantine")}
    assert quarantined == {record["id"] for record in BROKEN}
    outcomes = (
        "select pull_request_id, action, outcome from typed.stg_gharchive__pull_requests order by event_id"
    )
    assert database.query(outcomes) == [
        (71911, "opened", "opened"),
        (71911, "closed", None),
        (71912, "closed", "merged"),
    ]
    forks = "select fork_repository_id from typed.stg_gharchive__forks order by event_id"
    assert database.query(forks) == [(1359086,), (1359087,)]
    refs = "select ref_type, ref from typed.stg_gharchive__creates order by event_id"
    assert database.query(refs) == [("branch", "master"), ("repository", None), ("branch", "fix")]
    generations = "select schema_generation, count(*) from typed.stg_gharchive__events group by 1"
    assert dict(database.query(generations)) == {"events_early": 8, "events_unlinked": 4, "events": 3}
    assert timedelta(hours=1) == database.value("select partition_end - partition_start from ops.loads")
