"""Where downloads are while they land, and how what a killed process left there goes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from headgate import private
from headgate.sources.base import Delivery

FOLDER, LOCK = "downloads", "downloads.lock"


def name_of(url: str) -> str:
    """What the file of a URL is called here."""
    return urlsplit(url).path.rsplit("/", 1)[-1] or "download"


def folder_of(home: Path, delivery: Delivery) -> Path:
    """Where a delivery is downloaded to."""
    if delivery.partition is not None:
        return home / FOLDER
    # Other servers may have other files of this name.
    return home / FOLDER / hashlib.sha256(delivery.uri.encode()).hexdigest()[:16]


@contextlib.contextmanager
def in_use(home: Path) -> Iterator[None]:
    """Keeps the downloads where they are while this process has one; ends with the process."""
    with private.touch(private.folder(home) / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def sweep(home: Path, deliveries: Iterable[Delivery] = ()) -> None:
    """Removes what killed processes have downloaded, unless some process uses downloads now.

    Parts of the deliveries stay: they are resumed.
    """
    if not (home / FOLDER).is_dir():
        return
    resumed = {folder_of(home, delivery) / name_of(delivery.uri) for delivery in deliveries}
    with private.touch(home / LOCK).open("w") as lock, contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for place in (home / FOLDER).iterdir():
            _remove(place, resumed)


def _remove(place: Path, resumed: set[Path]) -> None:
    if place.is_dir():
        if not any(path.parent == place for path in resumed):
            shutil.rmtree(place)
    elif not any(
        place.name.startswith(f"{path.name}.part") for path in resumed if path.parent == place.parent
    ):
        place.unlink(missing_ok=True)
