"""Programs for shells: each asks the process of `tests/forker.py` for the real one, and stands for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests import forked
from tests.forked import ROOT
from tests.locks import locked
from tests.programs import PROGRAMS
from tests.trial_servers import HOME

#: Signals that end a program reach what runs in its place.
PROGRAM = f"""#!{sys.executable} -IS
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "tests")!r})
import forked
program = Path(sys.argv[0])
words = [program.name, *sys.argv[1:]]
called = forked.call(program.parents[1], words, [0, 1, 2], env=dict(os.environ), cwd=Path.cwd())
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(called.pid, number))
code = called.wait()
sys.exit(code if code >= 0 else 128 - code)
"""


def path(env: dict[str, str]) -> str:
    """PATH for a shell: programs that are forked, this environment's others, the machine's."""
    home = Path(os.environ[HOME])
    # Started by a program of the shell, it would hold the shell's output open.
    forked.started(home, forked.DBT)
    folder = home / "programs"
    with locked(folder.with_suffix(".lock")):
        folder.mkdir(exist_ok=True)
        for name in PROGRAMS:
            (folder / name).write_text(PROGRAM)
            (folder / name).chmod(0o755)
    return os.pathsep.join([str(folder), str(Path(sys.executable).parent), env["PATH"]])
