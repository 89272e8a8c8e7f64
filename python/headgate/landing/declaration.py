"""What decides, beside a file's bytes, on what of it lands: when that changes, the same bytes land again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from headgate.contract import Contract
from headgate.landing.columns import column_types
from headgate.landing.formats import decisive, declared_files
from headgate.sources import Delivery, Source


def declaration_sha256(delivery: Delivery, source: Source, contract: Contract, project_dir: Path) -> str:
    """Hash of format and options of the loader, of the envelope and of the paths with personal data.

    Also of the types of columns, where the format has none of its own. The key of personal data is left out:
    a new key is no reason to land everything again.
    """
    declared = decisive(PurePosixPath(delivery.shown_uri), declared_files(source, project_dir))
    told = {
        # What says how a file is fetched decides on nothing.
        "loader": {key: value for key, value in asdict(declared).items() if key != "redirects"},
        "envelope": asdict(contract.envelope),
        "time": contract.time_type,
        "personal": sorted(
            (rule.path, rule.pii, rule.kinds, rule.except_kinds, rule.generations)
            for rule in contract.personal
        ),
        "types": {} if declared.format == "json" else column_types(contract),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
