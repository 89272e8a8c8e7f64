"""What decisions print: plan, what they touch, and the way back."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from headgate.decisions.loads import LoadChange
from headgate.decisions.quarantine import RecordChange
from headgate.decisions.radius import Radius, ViewRows
from headgate.decisions.retention import Expired, Expiry
from headgate.decisions.waivers import WaiverChange
from headgate.durations import written
from headgate.report import Report, number_of, table

#: How many reasons of quarantined records a report lists.
REASONS = 10
NEXT_BUILD = "headgate run build_features    # or dbt build; then headgate publish"


def of_load(change: LoadChange, reason: str, *, done: bool) -> Report:
    """Discarding or restoring a load."""
    load, number = change.load, change.load.load_id
    discards = change.verb == "discard"
    rows = load.rows_landed or 0
    verb = "discard" if discards else "restore"
    return Report(
        verb=f"loads-{verb}",
        title=_title(f"{verb.capitalize()} {load.title}", change.is_needed, done),
        plan=[
            f"{verb.capitalize()} {load.title}, {number_of(rows, 'record')}, from {load.uri}.",
            f"Reason: {reason}",
        ],
        design=[
            "One transaction sets its status and notes who decided, when and why. Its raw records stay.",
            "The next build empties its partition in every model, as a delivery without records would,"
            if discards
            else "The next build types it again, as an hour that comes late,",
            "and computes the feature rows again whose values rest on it. Consumers see it after a publish.",
        ],
        changes=[
            f"{number_of(rows, 'record')}: counted as {'discarded' if discards else 'landed'}.",
            *radius_lines(change.radius),
            *(["The same bytes do not land again; other bytes for this partition do."] if discards else []),
        ],
        verification=[f"headgate loads show {number}", NEXT_BUILD, "headgate gates"],
        rollback=[f'headgate loads {"restore" if discards else "discard"} {number} --reason "..." --yes'],
    )


def of_expiry(expiry: Expiry, *, done: bool) -> Report:
    """Removing records that are older than their source keeps them."""
    declared = [
        f"{one.retention.source}.{one.retention.entity} keeps records for {written(one.retention.age)}."
        for one in expiry.tables
    ]
    return Report(
        verb="loads-expire",
        title=_title("Remove records that are older than their source keeps them", expiry.is_needed, done),
        plan=declared or ["No source declares a retention."],
        design=[
            "Each load in a transaction of its own, noted in the log of decisions; the ledger keeps it.",
            "Nothing is built anew because of it: counts, features, releases and verdicts of gates stay.",
        ],
        changes=[line for one in expiry.tables for line in _expired(one)],
        verification=["headgate loads list SOURCE", "headgate loads show LOAD"],
        rollback=[
            "None: records that are removed are gone. A file can be landed --again, where it still is."
        ],
    )


def _expired(found: Expired) -> list[str]:
    name = f"{found.retention.source}.{found.retention.entity}"
    if found.newest is None:
        return [f"{name}: no load is that old."]
    records, until = number_of(found.records, "record"), f"{found.newest:%Y-%m-%dT%H:%M} UTC"
    return [
        f"{name}: {records} of {number_of(len(found.loads), 'load')} until {until}.",
        f"  with their rows in {', '.join(found.typed)}."
        if found.typed
        else f"  Typed rows stay: {', '.join(found.needed_by)} rest on them."
        if found.needed_by
        else "  Nothing is typed of them.",
    ]


def of_records(change: RecordChange, reason: str, *, done: bool) -> Report:
    """Accepting, discarding or reopening quarantined records."""
    load, count = change.load, len(change.lines)
    meaning = {
        "accept": "They stay in quarantine with their reasons, and no longer stop the gates on its share.",
        "discard": "They count as discarded, no longer as quarantined, also under a later contract.",
        "reopen": "They count as quarantined, and as undecided, again.",
    }[change.verb]
    undo = "accept" if change.verb == "reopen" else "reopen"
    source = load.contract_source
    return Report(
        verb=f"quarantine-{change.verb}",
        title=_title(
            f"{change.verb.capitalize()} {number_of(count, 'quarantined record')}", change.is_needed, done
        ),
        plan=[
            f"{change.verb.capitalize()} {count:,} of {number_of(change.quarantined, 'record')}"
            f" of {load.title}.",
            f"Reason: {reason}",
        ],
        design=[
            "One transaction notes the decision on every record, and who decided, when and why.",
            f"{meaning} They stay raw; none of them is typed.",
        ],
        changes=[
            f"Of this load are quarantined {change.quarantined:,}, of them accepted {change.accepted:,} and "
            f"discarded {change.discarded:,} {'before this' if done else 'now'}.",
            "No typed row, feature row or release changes.",
            *table(("reason", "records"), list(change.reasons.items())[:REASONS]),
            *([f"and {len(change.reasons) - REASONS} more reasons"] if len(change.reasons) > REASONS else []),
        ],
        verification=[f"headgate quarantine list {source} --load {load.load_id}", NEXT_BUILD],
        rollback=[f'headgate quarantine {undo} --load {load.load_id} --reason "..." --yes'],
    )


def of_waiver(change: WaiverChange, reason: str, *, done: bool) -> Report:
    """Waiving a gate for a load, or no longer."""
    load, waives = change.load, change.verb == "waive"
    title = f"{'Waive' if waives else 'Stop waiving'} gate {change.gate} for load {load.load_id}"
    found = [change.result.sentence() + "."] if change.result else [f"Gate {change.gate} never failed."]
    tied = (
        f"Of the rows it kept {change.rows:,} are of this load."
        if change.tied
        else (
            "The rows it kept name no load: whether a waiver helps shows in the next build."
            if change.result
            else ""
        )
    )
    return Report(
        verb="gates-waive" if waives else "gates-unwaive",
        title=_title(title, change.is_needed, done),
        plan=[f"{title}: {load.title}.", f"Reason: {reason}"],
        design=[
            "One transaction notes the waiver, and who decided, when and why.",
            "The gate still runs; rows of this load do not count. It stops for every other load, and for what"
            if waives
            else "What passed with it is no longer proven: the next build runs the gates of this load again,",
            "lands in this one's place. Releases name the waivers that they rest on."
            if waives
            else "and nothing is published before they pass.",
        ],
        changes=[*found, *([tied] if tied else []), *radius_lines(change.radius)],
        verification=["headgate gates waivers", NEXT_BUILD],
        rollback=[
            f"headgate gates {'unwaive' if waives else 'waive'} {change.gate} --load {load.load_id} "
            '--reason "..." --yes'
        ],
    )


def _title(title: str, needed: bool, done: bool) -> str:
    if not needed:
        return f"{title}: it is so already, nothing to do"
    return f"{title}: done" if done else title


def radius_lines(radius: Radius) -> list[str]:
    """Models, feature rows and releases that hold a load, a line each."""
    typed = [model for model in radius.models if model not in {view.view for view in radius.views}]
    return [
        *textwrap.wrap(
            f"Its partition is held by {number_of(len(typed), 'model')}: {', '.join(typed) or 'none'}.",
            100,
            subsequent_indent="  ",
            break_on_hyphens=False,
        ),
        *(_view(view) for view in radius.views),
        *([] if radius.views else ["No feature view holds it."]),
        _releases(radius),
        *(f"Bound to a release that holds it: {what} (release {number})" for number, what in radius.bound),
    ]


def _view(view: ViewRows) -> str:
    if view.first is None or view.last is None:
        return f"{view.view}: no row rests on it."
    return (
        f"{view.view}: of {number_of(view.rows, 'row')} with as_of {view.first:%Y-%m-%dT%H:%M} to "
        f"{view.last:%Y-%m-%dT%H:%M} UTC those whose windows hold its records."
    )


def _releases(radius: Radius) -> str:
    if not radius.releases:
        return "No release holds it."
    return (
        f"Releases that hold it: {_numbers(radius.releases)}; they stay as they are. "
        f"Release {radius.active} is active."
    )


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)
