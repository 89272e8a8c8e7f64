"""What a model was trained with: locked packages, their versions, the code's revision."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

#: Folders whose new files count as changes, too.
DECLARING = ("models", "seeds", "macros")
LIBRARIES = ("headgate", "lightgbm", "scikit-learn", "scipy", "numpy", "skops", "pyarrow")


def environment(project_dir: Path) -> dict[str, Any]:
    """Versions of what decides the model's bytes, and the hash of the lock; None without a lock."""
    lock = project_dir / "uv.lock"
    return {
        "lock_sha256": hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def code_revision(project_dir: Path) -> str | None:
    """The commit of the project, with `+changes` when files differ from it; None where there is no Git."""
    revision = _git(project_dir, "rev-parse", "HEAD")
    changed = _git(project_dir, "status", "--porcelain", "--untracked-files=no") or _git(
        project_dir, "status", "--porcelain", "--", *DECLARING
    )
    return f"{revision}+changes" if revision and changed else revision


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
