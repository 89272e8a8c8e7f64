"""Every command ends with a message, whatever is broken around it: no trace, no secret."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psycopg2
import pytest
import yaml

from headgate.cli import main as command_line
from headgate.cli.examples import EXAMPLES
from headgate.cli.failures import explained
from headgate.errors import UsageError
from tests.programs import program
from tests.project_copy import PARTS
from tests.support import ROOT, clean_environment

PASSWORD = "hunter2-Zq81"
NOBODY_LISTENS = f"postgresql://me:{PASSWORD}@127.0.0.1:1/lake"
ENDS = {0, 1, 2, 3, 4}
#: A command of each kind: those that share their way to the database and the files stand for each other.
COMMANDS = (
    *("up", "down", "status", "dsn", "env", "migrate", "land", "state list", "replay", "run", "check"),
    *("gates list", "gates waive", "quarantine list", "loads list", "loads discard", "plan", "approve"),
    *(
        "publish",
        "rollback",
        "releases show",
        "diff",
        "compact",
        "dataset create",
        "dataset list",
        "backfill",
    ),
    *("pipelines validate", "remove source", "new source", "new block", "mage", "receive"),
)


def with_dsn(uri: str) -> Callable[[Path], dict[str, str]]:
    """Breakage: a URI that leads nowhere."""
    return lambda folder: {"HEADGATE_DSN": uri}


def with_home(make: Callable[[Path], None], home: str = "home") -> Callable[[Path], dict[str, str]]:
    """Breakage: a home that is no folder to write to."""

    def broken(folder: Path) -> dict[str, str]:
        make(folder / "home")
        return {"HEADGATE_HOME": str(folder / home)}

    return broken


def with_file(path: str, content: bytes | None) -> Callable[[Path], dict[str, str]]:
    """Breakage: a file of the project, with other content or (None) as a folder."""

    def broken(folder: Path) -> dict[str, str]:
        file = folder / "project" / path
        if file.is_file():
            file.unlink()
        if content is None:
            file.mkdir()
        else:
            file.write_bytes(content)
        return {"HEADGATE_DSN": NOBODY_LISTENS}

    return broken


SOURCES = "models/staging/gharchive/_gharchive__sources.yml"
METADATA = "mage_pipelines/pipelines/build_features/metadata.yaml"
BREAKAGES: dict[str, Callable[[Path], dict[str, str]]] = {
    "nobody listens": with_dsn(NOBODY_LISTENS),
    "no such socket": with_dsn(f"postgresql://me:{PASSWORD}@/lake?host=/nowhere"),
    "port too large": with_dsn(f"postgresql://me:{PASSWORD}@localhost:99999/lake"),
    "port is a word": with_dsn(f"postgresql://me:{PASSWORD}@localhost:port/lake"),
    "port is zero": with_dsn(f"postgresql://me:{PASSWORD}@localhost:0/lake"),
    "unknown sslmode": with_dsn(f"postgresql://me:{PASSWORD}@localhost/lake?sslmode=please"),
    "sslmode of python": with_dsn(f"postgresql://me:{PASSWORD}@localhost/lake?sslmode=parse"),
    "no certificate": with_dsn(f"postgresql://me:{PASSWORD}@localhost/lake?sslrootcert=/no/such.crt"),
    "unknown option": with_dsn(f"postgresql://me:{PASSWORD}@localhost/lake?speed=high"),
    "host too long": with_dsn(f"postgresql://me:{PASSWORD}@{'a' * 70}.{'b' * 300}/lake"),
    "unescaped @": with_dsn(f"postgresql://me:x@{PASSWORD}@localhost/lake"),
    "unescaped /": with_dsn(f"postgresql://me:1/{PASSWORD}@localhost/lake"),
    "unescaped ?": with_dsn(f"postgresql://me:1?{PASSWORD}@localhost/lake"),
    "not UTF-8": with_dsn(f"postgresql://me:{PASSWORD}\udcff@localhost/lake"),
    "another scheme": with_dsn(f"mysql://me:{PASSWORD}@localhost/lake"),
    "home leads to itself": with_home(lambda home: home.symlink_to(home)),
    "home is a file": with_home(lambda home: home.write_text("")),
    "home below a file": with_home(lambda home: home.write_text(""), "home/below"),
    "home cannot be made": lambda folder: {"HEADGATE_HOME": "/proc/headgate"},
    "home too long": lambda folder: {"HEADGATE_HOME": str(folder / ("x" * 300))},
    "data leads to itself": lambda folder: _loop(folder, "HEADGATE_DATA"),
    "sources not YAML": with_file(SOURCES, b"sources: [\n  - {name: a\n"),
    "sources not UTF-8": with_file(SOURCES, b"sources: \xff\xfe\n"),
    "sources a list": with_file(SOURCES, b"- 1\n- 2\n"),
    "sources a folder": with_file(SOURCES, None),
    "sources with an impossible date": with_file(SOURCES, b"sources: 2026-13-45\n"),
    "sources of words": with_file(SOURCES, b"sources: [a, b]\n"),
    # The parser, which is written in C, would overrun its stack.
    "sources nested too deeply": with_file(SOURCES, b"[" * 100_000),
    "sources nested in lists": with_file(SOURCES, b"- " * 50_000),
    "pipeline not YAML": with_file(METADATA, b"blocks: ]\n"),
    "pipeline a list": with_file(METADATA, b"- 1\n"),
    "pipeline a folder": with_file(METADATA, None),
    "project not YAML": with_file("dbt_project.yml", b"name: [\n"),
}


def _loop(folder: Path, name: str) -> dict[str, str]:
    (folder / "loop").symlink_to(folder / "loop")
    return {name: str(folder / "loop"), "HEADGATE_DSN": NOBODY_LISTENS}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project."""
    folder = tmp_path_factory.mktemp("original")
    for part in PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copyfile
        copy(ROOT / part, folder / part)
    return folder


def run(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str, str]:
    """Calls the command line as the installed program does; exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["headgate", *words])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    out, err = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, out, err


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_commands_end_with_a_message(
    breakage: str,
    original: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each command, with what its help shows as an example: a documented code, four parts or a usage."""
    shutil.copytree(original, tmp_path / "project", copy_function=os.link)
    for name in [name for name in os.environ if name.startswith(("HEADGATE_", "PG", "DBT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEADGATE_HOME", str(tmp_path / "home"))
    for name, value in BREAKAGES[breakage](tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path / "project")
    for path in COMMANDS:
        example = EXAMPLES[path][0].partition("headgate ")[2]
        words = [path] if path in ("dsn", "env") else shlex.split(example)
        code, out, err = run(words, capsys, monkeypatch)

        assert code in ENDS, (path, out, err)
        assert "Traceback" not in out + err, (path, err)
        # What `dsn` and `env` print is for programs.
        assert PASSWORD not in ("" if path in ("dsn", "env") else out) + err, path
        if code in (1, 2) and err and "Usage:" not in err:
            assert all(f"\n  {part}" in err for part in ("expected", "found", "next")), (path, err)
        assert "no error that it does not know" not in err, (path, err, _trace(tmp_path))


def _trace(folder: Path) -> str:
    home = Path(os.environ["HEADGATE_HOME"])
    return "\n".join(
        file.read_text() for file in [*home.glob("logs/error-*"), *folder.glob("home/logs/error-*")]
    )


def _database(state: str, text: str) -> Exception:
    error: Exception = asyncpg.PostgresError.new({"C": state, "M": text, "S": "ERROR"})
    return error


@pytest.mark.parametrize(
    ("error", "found", "step"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "Permission denied", "owner"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left", "free space"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "Read-only", "HEADGATE_HOME"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/x"), "Is a directory", "name a file"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/x/y"), "Not a directory", "correct the path"),
        (RuntimeError("Symlink loop from '/x'"), "symbolic links", "link that leads to itself"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "reset", "other side answers"),
        (MemoryError(), "none left", "memory"),
        (ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow"), "no pyarrow", "make setup"),
        pytest.param("\udcff".encode, "not", "UTF-8", id="not UTF-8"),
        (asyncpg.DataError("invalid input for $1: 'x' ('utf-8' codec can't encode it)"), "not", "UTF-8"),
        (_database("53300", "sorry, too many clients already"), "too many clients", "less to do"),
        (_database("57P03", "the database system is starting up"), "starting up", "is back"),
        (_database("57P01", "terminating connection"), "terminating", "is back"),
        (_database("40P01", "deadlock detected"), "deadlock", "run the command again"),
        (_database("25006", "cannot execute INSERT in a read-only transaction"), "read-only", "primary"),
        (_database("42501", "permission denied for schema ops"), "permission denied", "grant"),
        (_database("53100", "could not extend file"), "could not extend", "free space"),
        (_database("42P07", 'relation "toy" already exists'), "already exists", "rename"),
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), "closed", "is back"),
        (psycopg2.OperationalError("server closed the connection unexpectedly"), "closed", "is back"),
        (
            BaseExceptionGroup(
                "many", [ValueError("x"), UsageError("a", expected="b", found="c", next_step="d")]
            ),
            "c",
            "d",
        ),
    ],
    ids=str,
)
def test_every_error_says_what_helps(error: object, found: str, step: str) -> None:
    """Files, memory, packages, connections, the database: what the system said, and what to do about it."""
    if callable(error):
        with pytest.raises(UnicodeError) as caught:
            error("utf-8")
        error = caught.value
    assert isinstance(error, BaseException)

    said = explained(error)

    assert (found in said.found, step in said.next_step) == (True, True), str(said)


def test_values_that_the_database_quotes_are_not_repeated() -> None:
    """A value of a record stands in messages about data and constraints."""
    for state, text in (
        ("22P02", 'invalid input syntax for type bigint: "Ada"'),
        ("23505", "Key (x)=(Ada) exists"),
    ):
        assert "Ada" not in str(explained(_database(state, text)))


def test_what_nobody_foresaw_leaves_a_trace_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where in the code, in a file for its owner only; not what the error says, which may quote a record."""
    monkeypatch.setenv("HEADGATE_HOME", str(tmp_path))
    try:
        {}["Ada"]
    except KeyError as error:
        said = explained(error)

    (file,) = tmp_path.glob("logs/error-*.log")
    assert str(file) in said.next_step
    assert "KeyError" in said.found
    assert "Ada" not in str(said) + file.read_text().replace('{}["Ada"]', "")
    assert "test_failures.py" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_reader_that_has_seen_enough_ends_the_command_quietly() -> None:
    """`headgate completion bash | head -0`: no message, the code of SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        done = subprocess.run(
            [program("headgate"), "completion", "bash"],
            stdout=out,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            text=True,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_output_that_cannot_be_written_is_told() -> None:
    """A full disk below the file that the output goes to."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [program("headgate"), "completion", "bash"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            text=True,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_a_command_with_a_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a shell expects: code 130."""

    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line.cli, "main", interrupt)
    assert run([], capsys, monkeypatch) == (130, "", "stopped\n")


def test_arguments_that_are_not_utf_8_are_printed_escaped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file's name of another time, for instance."""
    monkeypatch.setenv("HEADGATE_DSN", NOBODY_LISTENS)
    code, _, err = run(["land", "gharchive", str(tmp_path / "old\udcff.json")], capsys, monkeypatch)
    assert code in (1, 2)
    assert "Traceback" not in err
    assert yaml.safe_dump(err)


def test_errors_are_json_where_json_was_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that no code of Headgate raised."""
    monkeypatch.setenv("HEADGATE_DSN", NOBODY_LISTENS)
    code, _, err = run(["gates", "list", "--json"], capsys, monkeypatch)
    assert (code, set(yaml.safe_load(err))) == (1, {"error", "subject", "expected", "found", "next_step"})
