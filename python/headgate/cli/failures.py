"""What went wrong, in four parts, where nothing else says so: files, the database, what nobody foresaw."""

from __future__ import annotations

import errno
import os
import re
import select
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from headgate.errors import HeadgateError, UsageError

_LET_IN = (
    "have its owner let user {user} in, or name another place; HEADGATE_HOME is for Headgate's own files"
)
#: What the operating system says -> what to do about it.
FILES = {
    errno.ENOENT: "create it, or correct the path",
    errno.EACCES: _LET_IN,
    errno.EPERM: _LET_IN,
    errno.EROFS: "name a place that can be written to; HEADGATE_HOME is for Headgate's own files",
    errno.ENOSPC: "free space there, or set HEADGATE_HOME to another disk, and run the command again",
    errno.EDQUOT: "free space there, or set HEADGATE_HOME to another disk, and run the command again",
    errno.EISDIR: "name a file",
    errno.ENOTDIR: "a part of the path is a file: correct the path",
    errno.EEXIST: "move away what stands there, or correct the path",
    errno.ELOOP: "remove the link that leads to itself, or name another place",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}
#: SQLSTATE: insufficient_privilege.
MISSING_RIGHT = "42501"
#: SQLSTATE, or its first letters -> expected, next step.
REFUSALS = {
    MISSING_RIGHT: (
        "rights of the role that owns Headgate's schemas",
        "name that role in HEADGATE_DSN, or have it grant this one what is missing",
    ),
    "25006": ("a server that can be written to", "name the primary server in HEADGATE_DSN"),
    "28": ("a role that may connect", "check user, password and database of HEADGATE_DSN"),
    "3D": ("a database of that name", "create it, or correct HEADGATE_DSN"),
    "40": ("nobody else to change the same at once", "run the command again"),
    "53100": ("space on the server's disk", "free space there and run the command again"),
    "53": ("a server with memory and connections to spare", "run the command again when it has less to do"),
    "55P03": ("a lock that is free", "run the command again when the other program is done"),
    "42P07": ("a name that is free", "rename what stands there, or move it: alter table ... rename to ..."),
    "57014": ("time to finish", "run the command again, or raise statement_timeout of the role"),
    "57": ("a server that stays up", "run the command again when it is back: `headgate status` says so"),
    "08": (
        "a connection that lasts",
        "run the command again when the server is back: `headgate status` says so",
    ),
}
#: SQLSTATE: invalid_schema_name, undefined_table, undefined_column, undefined_function.
MISSING_OBJECTS = {"3F000", "42P01", "42703", "42883"}
#: Classes of SQLSTATE whose messages quote values.
QUOTING = ("21", "22", "23")
#: What asyncpg says of a number that no column of the database could hold.
TOO_LARGE = re.compile(r"\(value out of u?int\d+ range\)")
LOST = {"InterfaceError", "OperationalError", "ConnectionDoesNotExistError", "InternalClientError"}
DRIVERS = ("asyncpg", "psycopg2", "sqlalchemy", "adbc_driver_manager")


def explained(error: BaseException) -> HeadgateError:
    """The error as one that says what was expected and what helps."""
    known = next((found for found in _chain(error) if isinstance(found, HeadgateError)), None)
    return known or _of_database(error) or _of_system(error) or _unforeseen(error)


def output_is_closed() -> bool:
    """Whether nobody reads any more what the command prints: `headgate ... | head`."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and, where several happened at once, those that it stands for."""
    yield error
    for inner in getattr(error, "exceptions", ()) if isinstance(error, BaseExceptionGroup) else ():
        yield from _chain(inner)


def _of_database(error: BaseException) -> HeadgateError | None:
    for cause in (getattr(found, "orig", None) or found for found in _chain(error)):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""
        if type(cause).__module__.partition(".")[0] not in DRIVERS:
            continue
        if not state and type(cause).__name__ in LOST:
            state = "08"
        if "codec can't encode" in str(cause):
            return _not_utf_8()
        if TOO_LARGE.search(str(cause)):
            return UsageError(
                "a number that was given",
                expected="the number of something that there is",
                found="one that is out of range",
                next_step="correct it; the command's --help says what it is for",
            )
        return _missing(state) or _refused(state, cause)
    return None


def _refused(state: str, cause: BaseException) -> HeadgateError:
    kind = f"{type(cause).__name__}, SQLSTATE {state or 'unknown'}"
    said = kind if state.startswith(QUOTING) else (str(cause).splitlines() or [kind])[0]
    for length in (5, 2):
        if (known := REFUSALS.get(state[:length])) is not None:
            subject = "rights in the database" if state == MISSING_RIGHT else "the database"
            return HeadgateError(subject, expected=known[0], found=said, next_step=known[1])
    where = getattr(cause, "diag", cause)
    names = [
        getattr(where, name, None) for name in ("schema_name", "table_name", "column_name", "constraint_name")
    ]
    at = ".".join(name for name in names if name)
    return HeadgateError(
        "the database",
        expected="every statement to succeed",
        found=f"{said}{f', at {at}' if at else ''}",
        next_step=_report_it(cause),
    )


def _missing(state: str) -> HeadgateError | None:
    """Schemas of another version, where that is why something is not there."""
    if state not in MISSING_OBJECTS:
        return None
    from headgate import postgres
    from headgate.postgres import schema
    from headgate.settings import load_settings

    try:
        here, newest = schema.current(postgres.dsn(load_settings())), schema.head()
    except HeadgateError:
        return None
    if here == newest:
        return None
    return HeadgateError(
        "schemas of the database",
        expected=f"version {newest}, which this checkout works with",
        found=f"version {here}",
        next_step="run `headgate up`",
    )


def _of_system(error: BaseException) -> HeadgateError | None:
    if isinstance(error, OSError):
        return _of_file(error)
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):
        path = str(error).partition("from ")[2].strip("'")
        return _of_file(OSError(errno.ELOOP, os.strerror(errno.ELOOP), path))
    if isinstance(error, MemoryError):
        limit = "memory to spare"
        return HeadgateError(
            "this machine", expected=limit, found="none left", next_step="free memory, or use less at once"
        )
    if isinstance(error, UnicodeError):
        return _not_utf_8()
    if isinstance(error, ImportError):
        found = f"no {error.name}" if error.name else "a package that cannot be loaded"
        return HeadgateError(
            "this environment", expected="the locked packages", found=found, next_step="run `make setup`"
        )
    return None


def _not_utf_8() -> HeadgateError:
    return UsageError(
        "a text that was given",
        expected="UTF-8",
        found="bytes that are not",
        next_step="give it as UTF-8",
    )


def _of_file(error: OSError) -> HeadgateError:
    paths = [
        os.fsdecode(path)
        for path in (error.filename, error.filename2)
        if isinstance(path, str | bytes | os.PathLike)
    ]
    if not paths and isinstance(error, ConnectionError | TimeoutError):
        step = "run the command again when the other side answers"
        return HeadgateError("a connection", expected="it to last", found=_words(error), next_step=step)
    step = FILES.get(error.errno or 0, "look at the path, and run the command again")
    return HeadgateError(
        " and ".join(paths) or "a file that the command uses",
        expected="to be usable",
        found=_words(error),
        next_step=step.format(user=os.geteuid()),
    )


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _unforeseen(error: BaseException) -> HeadgateError:
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    at = f" in {Path(frame[0].filename).name}, line {frame[0].lineno}" if frame else ""
    return HeadgateError(
        "headgate",
        expected="no error that it does not know",
        found=f"{type(error).__name__}{at}",
        next_step=_report_it(error),
    )


def _report_it(error: BaseException) -> str:
    """Keeps where it happened in a file, without messages: they may quote what landed, or a secret."""
    from headgate.settings import load_settings

    try:
        folder = load_settings().home / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
        with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
            out.writelines(_trace(error))
    except (OSError, HeadgateError, RuntimeError):
        return "report what you did, please"
    return f"report what you did, please, with {file}, which says where in the code; it holds no data"


def _trace(error: BaseException | None) -> Iterator[str]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield from traceback.format_tb(error.__traceback__)
        yield f"{type(error).__module__}.{type(error).__qualname__}\n"
        error = error.__cause__ or error.__context__
