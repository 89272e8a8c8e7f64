"""Holds the lock file against the databases of known vulnerabilities: `python scripts/audit.py path/to/uv`.

Those that docs/supply_chain.md names, with what is done about them, are known. Exit code 0: no others; 1:
others, which are printed; 2: no database could be asked, so nothing was audited.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "supply_chain.md"
AUDITOR = "pip-audit==2.10.1"
#: The databases, in the order in which they are asked.
SERVICES = ("pypi", "osv")
SECONDS = 300
#: Ids one after the other, as the page writes them.
RANGE = re.compile(r"\b((?:CVE|PYSEC)-\d{4}-)(\d+) to \1(\d+)\b")
ID = re.compile(r"\b(?:CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}|PYSEC-\d{4}-\d+)\b")


@dataclass(frozen=True)
class Verdict:
    """What an audit found: `package version: id` of each vulnerability, and packages that were not found."""

    audited: int
    known: tuple[str, ...]
    new: tuple[str, ...]
    skipped: tuple[str, ...]


def ids_in(page: str) -> set[str]:
    """The ids that a page names, also those between the ends of a range."""
    ranges = RANGE.findall(page)
    between = {
        f"{start}{number}" for start, first, last in ranges for number in range(int(first), int(last) + 1)
    }
    return between | set(ID.findall(page))


def judge(dependencies: Sequence[Mapping[str, Any]], page: str) -> Verdict:
    """Sorts what pip-audit reported by whether a page names it, by any of its ids."""
    listed = ids_in(page)
    audited = [found for found in dependencies if "skip_reason" not in found]
    found = [
        (
            f"{package['name']} {package['version']}: {flaw['id']}",
            bool(listed & {flaw["id"], *flaw.get("aliases", ())}),
        )
        for package in audited
        for flaw in package.get("vulns", ())
    ]
    return Verdict(
        audited=len(audited),
        known=tuple(text for text, known in found if known),
        new=tuple(text for text, known in found if not known),
        skipped=tuple(package["name"] for package in dependencies if "skip_reason" in package),
    )


def ask(uv: str, service: str, requirements: Path) -> list[dict[str, Any]]:
    """What pip-audit reports of a file of pinned requirements; nothing where the database does not answer."""
    options = ["--requirement", str(requirements), "--no-deps", "--disable-pip", "--format", "json"]
    command = [
        uv,
        "tool",
        "run",
        AUDITOR,
        *options,
        "--progress-spinner",
        "off",
        "--vulnerability-service",
        service,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return []
    return dependencies


def main() -> int:
    """Asks one database after the other until one answers, and says what it said."""
    uv = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        export = ["export", "--frozen", "--no-hashes", "--no-emit-project", "--quiet", "--output-file"]
        subprocess.run([uv, *export, requirements], cwd=ROOT, check=True)
        for service in SERVICES:
            verdict = judge(ask(uv, service, requirements), PAGE.read_text())
            if verdict.audited:
                return tell(service, verdict)
    write(f"not audited: the auditor cannot be had, or no database answers ({', '.join(SERVICES)})")
    write(f"what is known of the pins is in {PAGE.relative_to(ROOT)}")
    return 2


def tell(service: str, verdict: Verdict) -> int:
    """Prints a verdict; the exit code."""
    write(f"{verdict.audited} packages of uv.lock audited, by {service}")
    if verdict.skipped:
        write(f"not found there: {', '.join(verdict.skipped)}")
    write(
        f"{len(verdict.known)} known vulnerabilities: {PAGE.relative_to(ROOT)} says what is done about each"
    )
    for line in verdict.new:
        write(f"NEW  {line}")
    return int(bool(verdict.new))


def write(line: str) -> None:
    """Prints a line."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
