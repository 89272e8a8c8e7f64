"""Which paths are likely to hold personal data: by what they are called, and by what stands there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from headgate.contract import parse_path
from headgate.scaffold.names import snake_case

_KEYS = re.compile(
    r"(.*_)?e_?mails?(_address(es)?)?|(.*_)?(tele)?phone(_number)?|(.*_)?mobile(_number)?|(.*_)?fax|msisdn"
    r"|(first|last|given|family|middle|maiden|sur|nick|legal)_?name|surname"
    r"|(customer|contact|author|owner|recipient|sender|patient|employee|account_holder|cardholder|person)_name"
    r"|street(_address)?|address(_line_?\d?)?|line[12]|(postal|zip)_?code|postcode"
    r"|(.*_)?ip(_address|v4|v6)?|remote_addr(ess)?"
    r"|(date_of_)?birth(_?date|day)?|dob|ssn|(national|tax|passport|social_security)_?(id|number)|passport"
    r"|iban|(bank_)?account_number|(credit_)?card_number"
)
_NAMES = frozenset({"name", "login", "username", "full_name", "fullname", "display_name", "real_name"})
#: Things whose name is a person's.
_PEOPLE = re.compile(
    r"(.*_)?(user|customer|contact|author|committer|owner|recipient|sender|person|patient|employee|assignee"
    r"|pusher|cardholder|billing(_details)?|shipping(_details)?|profile|member|guest|driver|passenger)s?"
)
_VALUES = (
    re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}\.[A-Za-z]{2,24}"),
    re.compile(r"\+\d[\d ()./-]{6,18}\d"),
    re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)"),
    re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?"),
)
#: Of the values of a path: how many have to look personal.
_SHARE = 0.5


def is_personal(path: str, values: Iterable[str]) -> bool:
    """Whether a path with string values is likely to hold personal data; to be looked over by a person."""
    steps = [snake_case(step) for step in parse_path(path) if isinstance(step, str)]
    if _KEYS.fullmatch(steps[-1]):
        return True
    if steps[-1] in _NAMES and len(steps) > 1 and _PEOPLE.fullmatch(steps[-2]):
        return True
    found = [value for value in values if value]
    personal = sum(any(pattern.fullmatch(value) for pattern in _VALUES) for value in found)
    return bool(found) and personal >= _SHARE * len(found)
