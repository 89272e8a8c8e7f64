"""A headless Chromium that opens pages as somebody who is logged in."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

from tests.servers import free_port, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page:
    """One tab, spoken to by Chromium's own protocol."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=60)
        self._count = 0
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Calls a method of the protocol; its result."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._count:
                return answer["result"]

    def text(self) -> str:
        """The words that the page shows."""
        found = self.call("Runtime.evaluate", expression="document.body.innerText", returnByValue=True)
        return str(found["result"].get("value", ""))

    def open(self, url: str, *words: str, seconds: float = 60) -> str:
        """Opens a page and waits until it shows all the words; what it shows."""
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + seconds
        while not all(word in self.text() for word in words):
            assert time.monotonic() < deadline, f"{url} does not show {words}: {self.text()}"
            time.sleep(0.5)
        return self.text()

    def screenshot(self, file: Path) -> None:
        """Writes what the page looks like as PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextlib.contextmanager
def browser(folder: Path, url: str, cookies: Mapping[str, str]) -> Iterator[Page]:
    """A page with cookies for `url`; skips the test where there is no Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    port = free_port()
    process = subprocess.Popen(
        [
            *(
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--window-size=1500,1000",
            ),
            *(f"--remote-debugging-port={port}", "--remote-allow-origins=*"),
            *(f"--user-data-dir={folder / 'profile'}", "about:blank"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    tabs: list[dict[str, Any]] = []

    def is_open() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            found = httpx.get(f"http://127.0.0.1:{port}/json").json()
            tabs[:] = [tab for tab in found if tab["type"] == "page"]
        return bool(tabs)

    try:
        wait_until(is_open, "Chromium")
        page = Page(tabs[0]["webSocketDebuggerUrl"])
        for name, value in cookies.items():
            page.call("Network.setCookie", name=name, value=value, url=url)
        yield page
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
