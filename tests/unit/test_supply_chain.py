"""What the lock file holds, and what is said of it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import ROOT

PAGE = ROOT / "docs" / "supply_chain.md"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """The script behind `make audit`."""
    spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["audit"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_pin_that_mage_forces_is_listed() -> None:
    """With the version that it forces: a new Mage, or a new pin, has somebody look."""
    pinned = {
        (name.lower(), version)
        for name, version in re.findall(
            r"^([\w.-]+)(?:\[\w+\])?==([\w.]+)$", "\n".join(requires("mage-ai") or ()), re.MULTILINE
        )
    }
    listed = set(re.findall(r"^\| `([^`]+)` \| ([\w.]+) \|", PAGE.read_text(), re.MULTILINE))

    assert pinned - {(name.lower(), version) for name, version in listed} == set()


def test_the_lock_holds_what_the_page_lists() -> None:
    """Each line of the table is about the version that is installed."""
    lock = dict(
        re.findall(r'^name = "([^"]+)"\nversion = "([^"]+)"', (ROOT / "uv.lock").read_text(), re.MULTILINE)
    )

    listed = re.findall(r"^\| `([^`]+)` \| ([\w.]+) \|", PAGE.read_text(), re.MULTILINE)
    assert [one for one in listed if lock[re.sub(r"[._]", "-", one[0]).lower()] != one[1]] == []


def test_a_range_names_each_of_its_ids(audit: ModuleType) -> None:
    """And not those before and behind it, nor ids of another year."""
    named = audit.ids_in("CVE-2025-9 to CVE-2025-11, PYSEC-2026-3 to PYSEC-2026-4, CVE-2024-1 to CVE-2025-1")
    assert named == {
        *("CVE-2025-9", "CVE-2025-10", "CVE-2025-11"),
        *("PYSEC-2026-3", "PYSEC-2026-4", "CVE-2024-1", "CVE-2025-1"),
    }


def test_an_audit_tells_what_the_page_does_not_name(audit: ModuleType) -> None:
    """A flaw is known by any of its ids; what was skipped was not audited."""
    dependencies = [
        {
            "name": "pinned",
            "version": "1",
            "vulns": [
                {"id": "PYSEC-2024-1", "aliases": ["CVE-2024-11"]},
                {"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2024-12"]},
            ],
        },
        {"name": "sound", "version": "2", "vulns": []},
        {"name": "private", "skip_reason": "not found"},
    ]
    found = audit.judge(dependencies, "| `pinned` | 1 | CVE-2024-11, and CVE-2024-1 |")

    assert (found.audited, found.skipped) == (2, ("private",))
    assert found.known == ("pinned 1: PYSEC-2024-1",)
    assert found.new == ("pinned 1: GHSA-aaaa-bbbb-cccc",)


def test_an_audit_that_reaches_no_database_is_none(audit: ModuleType, tmp_path: Path) -> None:
    """pip-audit says "no known vulnerabilities" of packages that it did not find: that counts for nothing."""
    assert audit.judge([{"name": "requests", "skip_reason": "not found"}], "").audited == 0

    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho cannot connect >&2; exit 1\n")
    uv.chmod(0o755)
    assert audit.ask(str(uv), "pypi", tmp_path / "requirements.txt") == []
    uv.write_text("#!/bin/sh\ncase $1 in export) : ;; *) exit 1;; esac\n")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "audit.py", uv], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "not audited" in done.stdout
