"""Ways to reach a database are derived from one URI."""

from __future__ import annotations

import pytest

from headgate import postgres
from headgate.errors import UsageError
from headgate.postgres.connection import require_usable, shown
from headgate.settings import load_settings


def test_libpq_variables_say_the_same_as_the_uri() -> None:
    """Percent-encoding is undone; TLS parameters are kept; sessions run in UTC."""
    settings = load_settings({"HEADGATE_DSN": "postgresql://me:a%40b@db.example:6432/lake?sslmode=require"})

    assert postgres.libpq_env(settings) == {
        "PGHOST": "db.example",
        "PGPORT": "6432",
        "PGUSER": "me",
        "PGPASSWORD": "a@b",
        "PGDATABASE": "lake",
        "PGSSLMODE": "require",
        "PGTZ": "UTC",
    }


def test_a_socket_folder_is_a_host() -> None:
    """A URI without a host name takes the folder from its query."""
    settings = load_settings({"HEADGATE_DSN": "postgresql://postgres@/headgate?host=/tmp/run%20here"})

    assert postgres.libpq_env(settings)["PGHOST"] == "/tmp/run here"


@pytest.mark.parametrize(
    "uri", ["host=localhost dbname=lake", "mysql://localhost/lake", "postgresql://[::1/lake", "lake"]
)
def test_what_is_not_a_postgresql_uri_is_refused(uri: str) -> None:
    """The driver asyncpg takes URIs only, so every part of Headgate does."""
    with pytest.raises(UsageError, match="HEADGATE_DSN"):
        postgres.dsn(load_settings({"HEADGATE_DSN": uri}))


def test_a_uri_is_shown_without_its_password() -> None:
    """Messages and status may be copied into a ticket."""
    assert shown("postgresql://me:secret@db/lake") == "lake at db:5432"


@pytest.mark.parametrize(
    ("major", "encoding", "found"),
    [
        (14, "UTF8", "version 14"),
        (9, "UTF8", "version 9"),
        (15, "LATIN1", "encoding LATIN1"),
        # Its database would take any byte for a character.
        (18, "SQL_ASCII", "encoding SQL_ASCII"),
    ],
)
def test_servers_that_cannot_do_the_work_are_refused(major: int, encoding: str, found: str) -> None:
    """The error says what was found and that HEADGATE_DSN decides; its exit code is 2."""
    with pytest.raises(UsageError) as caught:
        require_usable(major, encoding, "postgresql://me:secret@db/lake")

    assert (found, 2) == (caught.value.found, caught.value.exit_code)
    assert "HEADGATE_DSN" in caught.value.next_step
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("major", [15, 16, 18])
def test_version_15_and_newer_are_accepted(major: int) -> None:
    """15 is the oldest version that Headgate is tested with."""
    require_usable(major, "UTF8", "postgresql://db/lake")
