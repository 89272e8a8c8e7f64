"""`headgate mage` opens to who is logged in and to nobody else: paths, websockets, kernel, files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import psutil
import pytest
import websocket
import zmq
from jupyter_client.session import Session

from tests.browser import Page, browser
from tests.mage_server import CLIENT, Mage, listening, serving
from tests.servers import wait_until
from tests.support import Database, Databases

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
]

#: A user of the machine that has a number only.
OTHER = 65_000
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user (run as root)")
FOREIGN = "http://elsewhere.example"
#: Mage's older handlers, which ask nobody for a session, and newer ones that answer strangers.
PATHS = [
    ("GET", "api/event_matchers"),
    ("POST", "api/event_matchers"),
    ("PUT", "api/event_matchers/1"),
    ("POST", "api/events"),
    ("GET", "api/pipelines/build_features/blocks/new_loads/analyses"),
    ("GET", "api/pipelines/build_features/block_outputs/new_loads/downloads"),
    ("GET", "api/downloads/made-up"),
    ("GET", "api/projects"),
    ("GET", "api/custom_designs"),
    ("GET", "api/pipelines"),
    ("GET", "api/kernels"),
    ("GET", "api/files/metadata.yaml/file_versions"),
    ("GET", "api/file_contents/io_config.yaml"),
    ("GET", "api/sessions/1"),
    ("GET", "api/statuses/1/blocks"),
    ("GET", "event-streams/made-up"),
]
SIGN_IN = "[...document.querySelectorAll('button')].find(button => button.innerText.includes('Sign')).click()"
ENV = {
    "PATRONS_SECRET": "not for Mage",
    "HEADGATE_WEBHOOK_SECRET": "not for Mage either",
    "SHOP_TOKEN": "wanted",
    "HEADGATE_MAGE_ENV": "SHOP_*",
}


@pytest.fixture(scope="module")
def home(databases: Databases) -> Iterator[Database]:
    """A database whose Mage this is."""
    with databases.new() as database:
        yield database


@pytest.fixture(scope="module")
def mage(home: Database) -> Iterator[Mage]:
    """Mage, logged in, started from a shell with secrets."""
    with serving(home, env=ENV) as running:
        wait_until(lambda: any("kernel.py" in line for line in commands(running)), "the kernel")
        yield running


def processes(mage: Mage) -> list[psutil.Process]:
    """Every process that the command started."""
    return psutil.Process(mage.process.pid).children(recursive=True)


def commands(mage: Mage) -> list[str]:
    """Their command lines."""
    found = [command(process) for process in processes(mage)]
    return [line for line in found if line]


def command(process: psutil.Process) -> str:
    """The command line of a process; empty of one that ended meanwhile."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def shells(mage: Mage) -> int:
    """How many terminals are open."""
    found = 0
    for process in processes(mage):
        with contextlib.suppress(psutil.NoSuchProcess):
            # Not by the command line: a script that a library calls, such as ldconfig, begins with sh there.
            found += process.name() in ("bash", "sh")
    return found


def environment(process: psutil.Process) -> str:
    """The environment of a process; empty of one that ended meanwhile."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process.pid}/environ").read_text()
    return ""


def temporary(mage: Mage) -> Path:
    """The folder of its temporary files and sockets."""
    [kernel] = [process for process in processes(mage) if "kernel.py" in command(process)]
    return Path(kernel.environ()["TMPDIR"])


@contextlib.contextmanager
def connect(mage: Mage, path: str, **options: Any) -> Iterator[websocket.WebSocket]:
    """An open websocket."""
    url = mage.url.replace("http", "ws", 1)
    with contextlib.closing(websocket.create_connection(f"{url}/{path}", timeout=20, **options)) as socket:
        yield socket


def token(mage: Mage) -> str:
    """What the frontend sends with each message."""
    return str(jwt.decode(mage.token, options={"verify_signature": False})["token"])


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("cookie", ["", "oauth_token=made-up"])
def test_no_path_answers_strangers(mage: Mage, method: str, path: str, cookie: str) -> None:
    """Without a session, or with a made-up one, no path gives or takes anything."""
    headers = {"X-API-KEY": CLIENT, "Cookie": cookie}
    answer = httpx.request(method, f"{mage.url}/{path}", headers=headers, json={"event": 1}, timeout=20)

    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "Log in first."


@pytest.mark.parametrize("path", ["websocket/terminal", "websocket/terminal?term_name=new", "websocket/"])
@pytest.mark.parametrize("who", ["nobody", "made-up", "another page"])
def test_websockets_open_to_nobody_else(mage: Mage, path: str, who: str) -> None:
    """No terminal or kernel opens to a stranger, or to another page of the owner's browser."""
    options = {
        "nobody": {},
        "made-up": {"cookie": "oauth_token=made-up", "origin": mage.url},
        "another page": {"cookie": f"oauth_token={mage.token}", "origin": FOREIGN},
    }[who]
    before = shells(mage)

    for _ in range(5):
        with (
            pytest.raises(websocket.WebSocketBadStatusException) as refused,
            connect(mage, path, **options),
        ):
            pass
        assert refused.value.status_code == 403

    assert shells(mage) == before


def test_another_page_changes_nothing(mage: Mage) -> None:
    """What another page sends with the owner's cookie is refused."""
    body = {"pipeline": {"name": "intruder"}}
    answer = mage.api.post("pipelines", json=body, headers={"Origin": FOREIGN})

    assert answer.status_code == 403
    assert "another web page" in answer.json()["error"]["message"]


def test_only_the_server_listens(mage: Mage) -> None:
    """One port: that of the server. The kernel has none."""
    assert {address.port for address in listening(processes(mage))} == {int(mage.url.rsplit(":", 1)[1])}


def test_the_kernel_takes_signed_messages_only(mage: Mage) -> None:
    """Its connection is a socket with a key, in a folder and files that only its owner opens."""
    folder = temporary(mage)
    [connection] = [json.loads(file.read_text()) for file in folder.glob("tmp*.json")]

    assert connection["transport"] == "ipc"
    assert len(connection["key"]) == 64
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.lstat().st_mode & 0o077 == 0 for path in folder.rglob("*"))


def as_another_user(work: Callable[[], object]) -> Any:
    """What `work` returns where another user of the machine does it."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.setgroups([])
        os.setgid(OTHER)
        os.setuid(OTHER)
        os.write(writer, json.dumps(work()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return json.loads(said)


def send_unsigned(code: str, ports: list[int]) -> None:
    """Sends code to ports, as a client of a kernel whose messages are not signed."""
    context, session = zmq.Context(), Session(key=b"")
    for port in ports:
        channel = context.socket(zmq.DEALER)
        channel.linger = 0
        channel.connect(f"tcp://127.0.0.1:{port}")
        session.send(channel, "execute_request", {"code": code, "silent": False, "allow_stdin": False})
        channel.poll(1000)
        channel.close()


@AS_ROOT
def test_another_user_runs_no_code(mage: Mage, tmp_path: Path) -> None:
    """What another user of the machine sends to its ports runs nothing."""
    ports = [address.port for address in listening(processes(mage))]
    as_another_user(lambda: send_unsigned(f"open({str(tmp_path / 'owned')!r}, 'w')", ports))

    assert not (tmp_path / "owned").exists()


@AS_ROOT
def test_another_user_opens_no_file(mage: Mage) -> None:
    """Nothing that Mage keeps or makes can be read, written or connected to by another user."""
    home, folder = mage.database.settings.home, temporary(mage)
    paths = [home / "mage-password", home / "mage-token-key", home / "logs" / "mage.log", home / "mage"]
    paths += [folder, *folder.rglob("*"), *(home / "mage").rglob("*")]

    def opened() -> list[str]:
        return [str(path) for path in paths if os.access(path, os.R_OK) or os.access(path, os.W_OK)]

    assert as_another_user(opened) == []


def test_only_what_is_needed_is_passed_on(mage: Mage) -> None:
    """No process of Mage's has the shell's other secrets, nor the password; it has what was asked for."""
    environments = [text for process in processes(mage) if (text := environment(process))]
    password = (mage.database.settings.home / "mage-password").read_text()

    assert len(environments) >= 4
    assert not [text for text in environments if "not for Mage" in text or password in text]
    assert all("SHOP_TOKEN=wanted" in text for text in environments)


def test_the_owner_runs_code_and_reads_its_output(mage: Mage) -> None:
    """Who is logged in runs code in the kernel, forks included, which finds the project and no secret."""
    code = (
        "import multiprocessing, os\n"
        "print(os.environ['SHOP_TOKEN'], os.environ.get('JWT_SECRET'))\n"
        "fork = multiprocessing.get_context('fork').Process(target=print, args=('forked',))\n"
        "fork.start(); fork.join()"
    )
    with connect(mage, "websocket/", cookie=f"oauth_token={mage.token}", origin=mage.url) as socket:
        socket.send(json.dumps({"api_key": CLIENT, "token": token(mage), "code": code, "uuid": "x"}))
        said = ""
        while "idle" not in said:
            said += str(socket.recv())

    assert "wanted None" in said
    assert "forked" in said


def test_sessions_are_signed_with_a_key_of_its_own(mage: Mage) -> None:
    """Not with Mage's own, which is public."""
    key = (mage.database.settings.home / "mage-token-key").read_text()

    assert jwt.decode(mage.token, key, algorithms=["HS256"])["token"]


def test_the_owner_has_a_terminal(mage: Mage) -> None:
    """Who is logged in has a shell."""
    with connect(mage, "websocket/terminal", cookie=f"oauth_token={mage.token}", origin=mage.url) as socket:
        command = ["stdin", "echo $((40 + 2))\r"]
        socket.send(json.dumps({"api_key": CLIENT, "token": token(mage), "command": command}))
        said = ""
        while "42\\r" not in said:
            said += str(socket.recv())

    wait_until(lambda: shells(mage) == 1, "one terminal is open", 30)


def test_programs_pass_with_a_token(mage: Mage) -> None:
    """The token of a session is taken from headers too, as Mage takes it."""
    for headers in ({"Authorization": f"Bearer {token(mage)}"}, {"OAUTH-TOKEN": token(mage)}):
        answer = httpx.get(f"{mage.url}/api/event_matchers", headers=headers)
        assert answer.json() == {"event_matchers": []}


def test_api_triggers_pass_with_their_token(mage: Mage) -> None:
    """Other programs start runs with the token of an API trigger, without a session; not with another one."""
    schedule = {"name": "from outside", "schedule_type": "api", "status": "active", "settings": {}}
    made = mage.api.post(
        "pipelines/watch_freshness/pipeline_schedules", json={"pipeline_schedule": schedule}
    ).json()["pipeline_schedule"]
    try:
        url = f"{mage.url}/api/pipeline_schedules/{made['id']}/pipeline_runs"
        assert "error" in httpx.post(f"{url}/madeup", json={}, timeout=60).json()
        run = httpx.post(f"{url}/{made['token']}", json={}, timeout=60).json()["pipeline_run"]
        assert run["pipeline_uuid"] == "watch_freshness"
        assert mage.finished("watch_freshness", run["id"])["status"] == "completed"
    finally:
        mage.api.delete(f"pipeline_schedules/{made['id']}")


def test_runs_say_what_happened_only(mage: Mage) -> None:
    """The log of a run has no line for each look at it."""
    run = mage.finished("watch_freshness")
    log = mage.log("watch_freshness", run["id"])

    assert "watch/check_freshness" in log
    assert "is alive" not in log


def type_into(page: Page, kind: str, text: str) -> None:
    """Types into the first field of a kind."""
    page.call("Runtime.evaluate", expression=f"document.querySelector('input{kind}').focus()")
    page.call("Input.insertText", text=text)


@pytest.mark.browser
def test_the_owner_signs_in_and_edits(mage: Mage, tmp_path: Path) -> None:
    """Pages lead strangers to the sign-in page; behind it, pipelines, editor and terminal are as ever."""
    password = (mage.database.settings.home / "mage-password").read_text()
    with browser(tmp_path, mage.url, {}) as page:
        page.open(f"{mage.url}/pipelines", "Sign into Mage")
        type_into(page, ":not([type=password])", "owner@headgate.local")
        type_into(page, "[type=password]", password)
        page.call("Runtime.evaluate", expression=SIGN_IN)
        wait_until(lambda: "Pipeline run metrics" in page.text(), "the page behind")
        page.open(f"{mage.url}/pipelines", "build_features", "watch_freshness")
        page.screenshot(tmp_path / "pipelines.png")
        page.open(f"{mage.url}/pipelines/build_features/edit", "build/new_loads", "build/publish_release")
        page.screenshot(tmp_path / "edit.png")
        page.open(f"{mage.url}/terminal", "Main Mage", "#" if os.geteuid() == 0 else "$")
        page.screenshot(tmp_path / "terminal.png")

    assert all(
        (tmp_path / f"{name}.png").stat().st_size > 10_000 for name in ("pipelines", "edit", "terminal")
    )


def test_kill_leaves_nothing_behind(mage: Mage) -> None:
    """SIGKILL to the command ends server, scheduler, kernel, terminals, runs, and removes their sockets."""
    with connect(mage, "websocket/terminal", cookie=f"oauth_token={mage.token}", origin=mage.url):
        time.sleep(0.5)
    children, folder = processes(mage), temporary(mage)

    mage.process.send_signal(signal.SIGKILL)

    _, alive = psutil.wait_procs(children, timeout=30)
    assert len(children) > 4
    assert not alive
    wait_until(lambda: not folder.exists(), "the removal of temporary files")
