"""Which project a release was made from."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

#: What dbt builds from, below the project's folder.
DEFINING = ("dbt_project.yml", "models", "macros", "seeds", "tests/gates")


def project_hash(project_dir: Path) -> str:
    """SHA-256 over names and contents of the files that define the dbt project."""
    digest = hashlib.sha256()
    for part in DEFINING:
        root = project_dir / part
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        for file in files:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(project_dir).as_posix()}={content}\n".encode())
    return digest.hexdigest()


def git_revision(project_dir: Path) -> str | None:
    """The commit that is checked out, with `-dirty` when files differ from it; None outside git."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(
        [git, "-C", project_dir, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None if done.returncode == 0 else None
