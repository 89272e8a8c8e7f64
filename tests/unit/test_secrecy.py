"""No message holds a password, a key or a token; keys that can be found by trying are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate import postgres
from headgate.errors import UsageError
from headgate.postgres.connection import unreachable
from headgate.secrecy import require_strong, without_secrets
from headgate.settings import load_settings
from tests.support import ROOT

PASSWORD = "hunter2-Zq81"
#: Passwords as generators of passwords make them, and as people do.
PASSWORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", categories=("L", "N", "P", "S", "Zs")),
    min_size=8,
    max_size=24,
)


@given(
    PASSWORDS,
    st.sampled_from(["{}@db.example:5432/lake", "{}@/lake?host=/run", "{}@db.example/lake?sslmode=x"]),
)
def test_no_error_about_a_uri_holds_its_password(password: str, rest: str) -> None:
    """As it is written, unescaped: refused without a word of it, or read as libpq reads it and not shown."""
    uri = f"postgresql://me:{rest.format(password)}"
    pieces = {password, *(piece for piece in _split(password) if len(piece) >= 4)} - {"lake", "example"}
    try:
        found = postgres.libpq_env(load_settings({"HEADGATE_DSN": uri}))
        said = str(unreachable(uri, OSError(f"no route to {uri}, password {password}")))
    except UsageError as error:
        said = str(error)
    else:
        assert found["PGDATABASE"] == "lake"
    expected = str(UsageError("HEADGATE_DSN", expected="", found="", next_step=""))
    assert [piece for piece in pieces if piece in said and piece not in expected + KNOWN_WORDS] == []


#: What errors about a URI say themselves.
KNOWN_WORDS = (ROOT / "python/headgate/postgres/uri.py").read_text() + " ".join(
    str(unreachable("postgresql://me@db.example/lake", OSError("no route to , password ***"))).split()
)


def _split(password: str) -> list[str]:
    """What parsers of URIs take a password apart into."""
    for character in "@/?#:[]%&=":
        password = password.replace(character, " ")
    return password.split()


def test_escaped_passwords_are_read_and_never_shown() -> None:
    """As the message about a refused one says to write it; the driver's words pass without it."""
    uri = "postgresql://me:p%40ss%2Fw%3Ard%23%25@db.example/lake"
    assert postgres.libpq_env(load_settings({"HEADGATE_DSN": uri}))["PGPASSWORD"] == "p@ss/w:rd#%"
    for said in ("p@ss/w:rd#%", "p%40ss%2Fw%3Ard%23%25", uri):
        assert "p@ss" not in str(unreachable(uri, OSError(f"bad: {said}")))
        assert "p%40ss" not in str(unreachable(uri, OSError(f"bad: {said}")))


def test_settings_do_not_show_what_is_secret() -> None:
    """Also in a debugger, a trace with values, an assertion of a test."""
    secrets = {
        "HEADGATE_DSN": f"postgresql://me:{PASSWORD}@db/lake",
        "HEADGATE_PII_KEY": PASSWORD,
        "HEADGATE_WEBHOOK_SECRET": PASSWORD,
        "HEADGATE_ALERT_WEBHOOK_URL": f"https://hooks.example/{PASSWORD}",
        "HEADGATE_NATS_URL": f"nats://me:{PASSWORD}@nats.example",
        "HEADGATE_ARCHIVE_URL": f"https://me:{PASSWORD}@archive.example",
    }
    assert PASSWORD not in repr(load_settings(secrets))


@pytest.mark.parametrize(
    "name", ["HEADGATE_PII_KEY", "HEADGATE_WEBHOOK_SECRET", "PGPASSWORD", "ORDERS_TOKEN", "ORDERS_API_KEY"]
)
def test_what_a_command_reports_holds_no_secret_of_the_environment(name: str) -> None:
    """Whoever raised it: the command line takes out what variables of such names hold."""
    assert without_secrets(f"bad token {PASSWORD}", {name: PASSWORD}) == "bad token ***"
    url = f"https://me:{PASSWORD}@api.example/orders"
    assert PASSWORD not in without_secrets(f"cannot read {url}", {"ORDERS_URL": url})


@pytest.mark.parametrize("key", ["x", "", "short", "fifteen letters", "a" * 64, "ab" * 40, b"\0" * 32])
def test_keys_that_can_be_found_by_trying_are_refused(key: str | bytes) -> None:
    """One letter, none, a word, the same letter again and again; the message says how to make one."""
    with pytest.raises(UsageError, match=r"token_hex\(32\).*go on"):
        require_strong("HEADGATE_PII_KEY", key, next_step="go on")


def test_keys_that_were_made_are_taken() -> None:
    """As the message makes them, as `openssl rand -base64 24` does, and a sentence."""
    for key in (
        "9f86d081884c7d659a2feaa0c55ad015" * 2,
        "q8Yb3vT0Zl1mXo5rPw9sKdE2fGhJ4aQc",
        "a key for tests only",
    ):
        require_strong("HEADGATE_PII_KEY", key, next_step="")
