"""Where a server's files are: below its home, or, where its user cannot reach that, elsewhere."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from headgate.errors import HeadgateError
from headgate.postgres.runas import ServerUser

#: For servers of root whose home lies behind closed folders, such as /root.
ELSEWHERE = Path("/var/lib/headgate")
#: What the server's own user has to reach.
NAMES = ("postgres", "run", "postgres.log")
#: Stands in a folder elsewhere from when links lead to it: without the links, somebody removed the home.
LINKED = "linked"


@dataclass(frozen=True)
class Places:
    """The places of one server.

    Attributes:
        home: where everything of Headgate is; links lead from there to what is elsewhere.
        bin_dir: the programs as they were installed.
        user: who runs the server.
    """

    home: Path
    bin_dir: Path
    user: ServerUser

    @cached_property
    def root(self) -> Path:
        """The folder with data, socket and log."""
        if self.user.is_me or self._home_is_open():
            return self.home
        return ELSEWHERE / hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]

    @cached_property
    def programs(self) -> Path:
        """The folder with the server's programs: as installed, or a copy that its user can read."""
        tree = self.bin_dir.parent
        if self.user.is_me or (self.user.reaches(self.bin_dir / "postgres") and _is_readable(self.bin_dir)):
            return self.bin_dir
        state = (self.bin_dir / "postgres").stat()
        named = f"{tree} {state.st_size} {state.st_mtime_ns}"
        copies = ELSEWHERE / f"programs-{hashlib.sha256(named.encode()).hexdigest()[:12]}"
        return copies / tree.parent.name / tree.name / self.bin_dir.name

    def prepare(self) -> None:
        """Makes the folders, copies the programs where need be, and leaves links in the home."""
        if not self.user.is_me and self.root == self.home:
            # To be passed, not to be read.
            self.home.chmod(0o711)
        if self.root != self.home:
            _open_folder(ELSEWHERE)
            self._forget_removed_home()
            self.root.mkdir(exist_ok=True)
            self.root.chmod(0o711)
            self._move_here()
            self.link()
        if self.programs != self.bin_dir and not self.programs.exists():
            _open_folder(ELSEWHERE)
            _copy_readable(self.bin_dir.parent, self.programs.parents[2])

    def link(self) -> None:
        """Leads from the home to what is elsewhere."""
        for name in NAMES:
            link, target = self.home / name, self.root / name
            if self.root == self.home:
                continue
            if link.is_symlink() and link.readlink() != target:
                raise HeadgateError(
                    f"link {link}",
                    expected=f"to lead to {target}",
                    found=f"to {link.readlink()}, the files of another server",
                    next_step="remove the links of a copied folder; data is copied with pg_dump",
                )
            if not link.is_symlink():
                link.symlink_to(target)
        if self.root != self.home:
            (self.root / LINKED).touch()

    def _home_is_open(self) -> bool:
        return self.user.reaches(self.home)

    def _forget_removed_home(self) -> None:
        """What is left of a server whose home, with the links, somebody has removed."""
        if (self.root / LINKED).exists() and not (self.home / NAMES[0]).is_symlink():
            stop_server(self.root / NAMES[0])
            shutil.rmtree(self.root)

    def _move_here(self) -> None:
        """Data that an earlier version of Headgate kept in the home; killed anywhere, it goes on."""
        for name in NAMES:
            there, here = self.home / name, self.root / name
            if not there.exists() or there.is_symlink():
                continue
            if not here.exists():
                half = self.root / f"{name}.half"
                _remove(half)
                _copy(there, half)
                half.rename(here)
            _remove(there)


def stop_server(data: Path, seconds: float = 60) -> None:
    """Stops the server of a data folder, if one runs, ending its sessions; waits until it is gone."""
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        if not _is_server_of(pid, data):
            return
        os.kill(pid, signal.SIGINT)
    except (OSError, ValueError, IndexError):
        return
    deadline = time.monotonic() + seconds
    # The file goes a moment before the process does.
    while (pid_file.exists() or _is_server_of(pid, data)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_server_of(pid: int, data: Path) -> bool:
    """False for another process with this number, one that has ended, and one that is only not yet reaped."""
    try:
        return os.fsencode(data.resolve()) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_readable(bin_dir: Path) -> bool:
    folders = (bin_dir.parent, bin_dir, bin_dir.parent / "lib")
    return all(
        not folder.exists() or folder.stat().st_mode & 0o005 == 0o005
        for folder in (*folders, bin_dir / "postgres", bin_dir / "initdb")
    )


def _open_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)


def _copy_readable(tree: Path, target: Path) -> None:
    """Copies programs so that everybody can read them; a copy that is not whole is never used.

    A Python package keeps libraries that they need in a folder beside its own.
    """
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(tree, fresh / tree.parent.name / tree.name, symlinks=True)
    libraries = tree.parent.with_name(f"{tree.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for folder, folders, files in os.walk(fresh):
        for name in (*folders, *files):
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.stat().st_mode & 0o100 else 0o444))
    fresh.chmod(0o755)
    try:
        fresh.rename(target)
    except OSError:
        # Another start was faster.
        shutil.rmtree(fresh)
