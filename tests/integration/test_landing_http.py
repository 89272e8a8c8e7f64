"""Fetching hours over HTTP from a server that is slow to be good."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from headgate.errors import HeadgateError
from headgate.landing import land_files
from headgate.settings import load_settings
from headgate.sources import downloads, get_source
from headgate.sources.base import delivery_at
from headgate.sources.http import download
from headgate_github.archive import delivery_of, fetch, is_published
from tests.integration.api_server import Reply, Request, serving
from tests.integration.landing_files import HOUR, as_lines, event, write_hour
from tests.servers import wait_until
from tests.small_project import declare, settings_for
from tests.support import ROOT, Database
from tests.wire import Wire

MOMENT = datetime(2016, 1, 1, 1, tzinfo=UTC)


@dataclass
class Archive:
    """A web server with files, and with faults."""

    folder: Path
    #: Status codes that the next requests get instead of an answer.
    faults: list[int] = field(default_factory=list)
    #: How many bytes one response sends before the connection breaks; 0 for all.
    cut: int = 0
    etag: str = '"one"'
    requests: list[tuple[str, str | None, int]] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """Answers from the archive's folder; knows ranges."""

    protocol_version = "HTTP/1.1"
    archive: Archive

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Says nothing."""

    def do_HEAD(self) -> None:
        """Headers only."""
        self.do_GET()

    def do_GET(self) -> None:
        """The file, or the rest of it from a range's start."""
        archive, file = self.archive, self.archive.folder / self.path.lstrip("/")
        wanted = self.headers.get("Range")
        status = archive.faults.pop(0) if archive.faults else 200 if file.is_file() else 404
        content = file.read_bytes() if status == 200 else b""
        start = 0
        if wanted and status == 200 and self.headers.get("If-Range") == archive.etag:
            found = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert found is not None
            start, status = int(found[1]), 206
        archive.requests.append((self.command, wanted, status))
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", archive.etag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "GET":
            end = start + archive.cut if archive.cut else len(content)
            self.wfile.write(content[start:end])
            self.close_connection = end < len(content)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """A running archive with one hour."""
    made = Archive(tmp_path / "archive")
    write_hour(made.folder, as_lines([event(number) for number in range(2000)]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"archive": made}))
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_hour_lands_from_a_bad_server(database: Database, archive: Archive) -> None:
    """Errors are tried again, a broken connection is resumed where it broke, nothing is left on disk."""
    archive.faults = [503]
    archive.cut = (archive.folder / HOUR).stat().st_size // 3
    settings = replace(database.settings, archive_url=archive.url)
    (result,) = land_files(settings, "gharchive", [delivery_of(settings, MOMENT)])
    assert result.error is None
    assert (result.status, result.rows_landed) == ("landed", 2000)
    assert [status for _, _, status in archive.requests] == [503, 200, 206, 206, 206]
    assert list((settings.home / "downloads").iterdir()) == []
    archive.cut = 0
    (again,) = land_files(settings, "gharchive", [delivery_of(settings, MOMENT)])
    assert again.status == "unchanged"


def test_the_command_fetches_hours(database: Database, archive: Archive) -> None:
    """Published hours land; one that is not published fails with words, and exit code 1."""
    done = database.headgate(
        *("land", "gharchive", "--from", "2016-01-01T01", "--to", "2016-01-01T02"),
        exit_code=1,
        HEADGATE_ARCHIVE_URL=archive.url,
    )
    assert "2 over HTTP" in done.stderr
    assert "2016-01-01T01  landed" in done.stdout
    assert "HTTP status 404: it is not there (yet)" in done.stdout
    assert database.value("select count(*) from staging_gharchive.events") == 2000


def test_what_a_killed_landing_downloaded_is_its_owners_and_goes_with_the_next(
    database: Database, archive: Archive
) -> None:
    """Killed while it lands, under an umask that hides nothing: the hour lies there until the next start."""
    settings = replace(database.settings, archive_url=archive.url)
    folder = settings.home / "downloads"
    with Wire.to(database) as wire:
        wire.stop_after(100_000)
        command = [Path(sys.executable).with_name("headgate"), "land", "gharchive", "--from", "2016-01-01T01"]
        env = {**wire.database.env, "HEADGATE_ARCHIVE_URL": archive.url}
        with subprocess.Popen(command, env=env, cwd=ROOT, umask=0, stderr=subprocess.DEVNULL) as lander:
            assert wire.stopped(lander)
            lander.kill()
        # Its worker still waits for the server; when it sees that the connection is gone, it cleans up.
        assert [file.name for file in folder.iterdir()] == [HOUR]
        assert not [path for path in settings.home.rglob("*") if path.lstat().st_mode & 0o077]
        wire.cut()

    def is_swept() -> bool:
        downloads.sweep(settings.home)
        return not any(folder.iterdir())

    wait_until(is_swept, "the end of the landing process, and the sweep")
    assert database.value("select count(*) from staging_gharchive.events") == 0


def test_a_file_that_changed_is_not_resumed(archive: Archive, tmp_path: Path) -> None:
    """A partial download of an older version is thrown away."""
    url, folder = f"{archive.url}/{HOUR}", tmp_path / "downloads"
    folder.mkdir()
    (folder / f"{HOUR}.part").write_bytes(b"something else")
    (folder / f"{HOUR}.part.version").write_text('"\\"zero\\""')
    assert download(url, folder).read_bytes() == (archive.folder / HOUR).read_bytes()
    assert archive.requests == [("GET", "bytes=14-", 200)]


def test_a_partial_download_is_resumed_by_the_next_process(archive: Archive, tmp_path: Path) -> None:
    """What an earlier process got is kept when the server still has the same file."""
    content = (archive.folder / HOUR).read_bytes()
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / f"{HOUR}.part").write_bytes(content[:100])
    (folder / f"{HOUR}.part.version").write_text('"\\"one\\""')
    assert download(f"{archive.url}/{HOUR}", folder).read_bytes() == content
    assert archive.requests == [("GET", "bytes=100-", 206)]
    assert [path.name for path in folder.iterdir()] == [HOUR]


def test_whether_an_hour_is_published(archive: Archive, tmp_path: Path) -> None:
    """Asked by HEAD, or of the data folder, without fetching."""
    settings = replace(load_settings({}), archive_url=archive.url, home=tmp_path / "home")
    assert is_published(settings, MOMENT)
    assert not is_published(settings, MOMENT.replace(hour=2))
    assert {method for method, _, _ in archive.requests} == {"HEAD"}
    local = replace(settings, data_dir=archive.folder, archive_url="http://127.0.0.1:9")
    assert is_published(local, MOMENT)
    assert fetch(local, MOMENT) == archive.folder / HOUR


def test_a_dead_server_is_given_up_with_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some attempts the error says what was tried and that a new run resumes."""
    monkeypatch.setattr("headgate.sources.http.PATIENCE", 1)
    with pytest.raises(HeadgateError, match="it resumes"), contextlib.suppress(KeyError):
        download("http://127.0.0.1:9/2016-01-01-1.json.gz", tmp_path)


def test_redirects_stay_on_the_host_and_the_ledger_names_their_end(
    database: Database, tmp_path: Path
) -> None:
    """A file that moved on its host lands; a redirect to another name only when it is declared."""

    def answer(request: Request) -> Reply:
        if request.path == "/moved":
            return Reply(None, 302, {"Location": "/else/orders.json?signature=s3cret"})
        if request.path == "/away":
            port = request.headers["host"].rpartition(":")[2]
            return Reply(None, 302, {"Location": f"http://localhost:{port}/orders.json?signature=s3cret"})
        return Reply({"id": request.path})

    with serving(answer) as api:
        port = api.url.rpartition(":")[2]
        for name, redirects, place in (
            ("moved", [], f"{api.url}/else/orders.json"),
            ("away", [], None),
            ("away", [f"localhost:{port}"], f"http://localhost:{port}/orders.json"),
        ):
            loader = {"type": "files", "format": "json", **({"redirects": redirects} if redirects else {})}
            project = declare(tmp_path / f"{name}{len(redirects)}", "orders", loader)
            settings = settings_for(database.settings, project)
            delivery = delivery_at(get_source("orders", settings.project_dir), f"{api.url}/{name}")
            (result,) = land_files(settings, "orders", [delivery])
            if place is None:
                assert result.error is not None
                assert f"http://localhost:{port}" in result.error["found"]
            else:
                assert result.error is None
                uri = database.value("select uri from ops.loads where load_id = %s", result.load_id)
                assert uri == f"{api.url}/{name}, redirected to {place}"
    assert database.value("select count(*) from ops.loads where uri like '%%s3cret%%'") == 0
