"""Which variables of the caller's environment Mage gets: what runs there, or leaks there, holds no others.

It gets what the system, PostgreSQL, dbt and Mage itself read, what the files of the project name, and what
`HEADGATE_MAGE_ENV` adds. This keeps a shell's other secrets out of Mage's pages, logs and terminals; it is no
wall against code of the same user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

SYSTEM = """
    PATH HOME USER LOGNAME SHELL HOSTNAME LANG LANGUAGE LC_* TZ TERM COLORTERM TMPDIR TEMP TMP XDG_*
    LD_LIBRARY_PATH VIRTUAL_ENV PYTHON* SSL_CERT_* REQUESTS_CA_BUNDLE CURL_CA_BUNDLE AWS_CA_BUNDLE
    *_proxy *_PROXY HEADGATE_* PG* DBT_*
"""
#: Settings of Mage's own, see its module settings/server.py; a test compares.
MAGE = """
    MAGE_* ENV ACTIVE_DIRECTORY_* AUTHENTICATION_MODE AZURE_DEVOPS_* AZURE_HOST BITBUCKET_*
    CONCURRENCY_CONFIG_* DEBUG DEBUG_* DEFAULT_OWNER_* DISABLE_* DYNAMIC_BLOCKS_VERSION ENABLE_* GHE_*
    GITLAB_* GIT_* GOOGLE_CLIENT_* HIDE_* INITIAL_METADATA JWT_* KERNEL_MANAGER LDAP_* LOGS_DIR_PATH
    MAX_* MEMORY_MANAGER_* MICROSOFT_GRAPH_API_HOST NEW_RELIC_* OAUTH_DEFAULT_ACCESS OIDC_* OKTA_*
    OTEL_* REDIS_URL REQUIRE_USER_* RUN_PIPELINE_IN_ONE_PROCESS SCHEDULER_* SENTRY_* SERVER_*
    SHELL_COMMAND SYSTEM_LOGS_* UPDATE_ROLES_ON_LOGIN USE_UNIQUE_TERMINAL
    VARIABLE_DATA_OUTPUT_META_CACHE
"""
#: Needed by other commands only, whatever names it: `headgate receive` checks signatures.
NEVER = ("HEADGATE_WEBHOOK_SECRET",)
FOLDERS = ("mage_pipelines", "python", "models", "macros", "seeds", "snapshots", "analyses")
ENDINGS = {".py", ".sql", ".yml", ".yaml", ".json", ".toml", ".j2", ".sh", ".r", ".R"}
LONGEST_FILE = 1 << 20
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def passed_on(environment: Mapping[str, str], project: Path, more: str = "") -> dict[str, str]:
    """The variables that Mage gets, with their values; `more` has names and patterns, separated by blanks."""
    patterns = [*SYSTEM.split(), *MAGE.split(), *more.replace(",", " ").split()]
    open_questions = {name for name in environment if not _matches(name, patterns)} - set(NEVER)
    named = _named(project, open_questions) if open_questions else set()
    return {
        name: value
        for name, value in environment.items()
        if name not in NEVER and (name in named or name not in open_questions)
    }


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _named(project: Path, names: set[str]) -> set[str]:
    """Those of the names that a file of the project has as a word."""
    found: set[str] = set()
    for file in _files(project):
        found |= names.intersection(WORD.findall(file.read_text(errors="replace")))
    return found


def _files(project: Path) -> Iterator[Path]:
    for folder in (project, *(project / name for name in FOLDERS)):
        for file in folder.glob("*" if folder == project else "**/*"):
            if file.suffix in ENDINGS and file.is_file() and file.stat().st_size <= LONGEST_FILE:
                yield file
