"""Server settings for one machine that lands, types and serves: written as headgate.conf at every start."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

MIB = 1024 * 1024
#: Containers often get 64 MiB of /dev/shm; parallel queries need more.
SMALL_SHM = 512 * MIB


def render(socket_dir: Path, *, lz4: bool, extra: Mapping[str, str] | None = None) -> str:
    """The text of headgate.conf; `extra` overrides single settings (tests switch fsync off)."""
    settings = {**_settings(socket_dir, lz4=lz4), **(extra or {})}
    lines = [f"{name} = {_quoted(value)}" for name, value in settings.items()]
    return "\n".join(["# Written by headgate at every start; changes here are lost.", *lines, ""])


def _settings(socket_dir: Path, *, lz4: bool) -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "port": "5432",
        "max_connections": "100",
        "shared_buffers": f"{min(1024, max(128, memory // 8))}MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "work_mem": f"{min(64, max(8, memory // 256))}MB",
        "maintenance_work_mem": f"{min(512, max(64, memory // 16))}MB",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "wal_compression": "lz4" if lz4 else "pglz",
        "synchronous_commit": "on",
        # One lock per partition that a query touches; a year of hours is 8,760 partitions.
        "max_locks_per_transaction": "1024",
        "random_page_cost": "1.1",
        "jit": "off",
        # A query whose client was killed ends, and releases its locks, within a second.
        "client_connection_check_interval": "1s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        # An error's text and context can quote a record: errors go to the client only, never to the log.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] ",
    }
    if lz4:
        settings["default_toast_compression"] = "lz4"
    if _shm_is_small():
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def _shm_is_small() -> bool:
    shm = Path("/dev/shm")
    return shm.is_dir() and shutil.disk_usage(shm).total < SMALL_SHM


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
