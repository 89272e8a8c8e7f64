"""HG050: literals that look like secrets, in YAML, in Python, and in the files of other blocks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.project import Project
from headgate.pipelines.validation.python_file import PythonFile
from headgate.pipelines.validation.yaml_lines import Items, Lines, is_templated

#: Most files have none of these and are not looked at closer.
_HINT_WORDS = """
passw passphrase pwd secret token api_key apikey api-key access_key accesskey private account_key
accountkey credential akia asia ghp_ gho_ ghu_ ghs_ github_pat_ xoxa- xoxb- xoxp- sk_live
"""
_HINTS = tuple(_HINT_WORDS.split())
NAME = re.compile(
    r"(^|[_-])(password|passwd|pwd|secret|token|api_?key|(secret_)?access_?key|private_?key|account_?key"
    r"|passphrase|credential|client_?secret)$",
    re.IGNORECASE,
)
#: Values that are secrets wherever they stand.
SHAPES = (
    # Amazon's own documentation says EXAMPLE in its keys.
    ("an AWS access key", re.compile(r"\b(AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}\b")),
    ("a GitHub token", re.compile(r"\bgh[opsu]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{60,}")),
    ("a Slack token", re.compile(r"\bxox[abp]-[A-Za-z0-9-]{10,}")),
    ("a Stripe key", re.compile(r"\bsk_live_[A-Za-z0-9]{16,}")),
    ("a JSON web token", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(\\n|\s)*[A-Za-z0-9+/=]{40,}")),
)
URL = re.compile(r"[a-z][\w+.-]*://[^\s/:@'\"]*:([^\s@/'\"]+)@")
#: Names of secrets that people choose.
HUMAN = re.compile(r"pass|pwd", re.IGNORECASE)
#: Where a secret is, not the secret: a path, an address, a reference into a vault.
PLACE = re.compile(
    r"[/~]|\.{1,2}/|[a-z]:\\|[a-z][a-z0-9+.-]*://|arn:|vault:|ssm:|secretsmanager:|projects/",
    re.IGNORECASE,
)
FILE = re.compile(
    r"\.(json|ya?ml|toml|ini|cfg|conf|env|pem|key|crt|cer|p12|pfx|jks|txt|sql|py)$", re.IGNORECASE
)
#: What no word looks like: digits among letters, many digits, more letters than words have.
GENERATED = re.compile(
    r"[A-Za-z]+\d+[A-Za-z]|\d+[A-Za-z]+\d|\d[A-Za-z]{2,}|[A-Za-z]+\d{4,}|\d{6,}|[a-z]{20,}|[A-Z]{20,}"
)
#: A value of these words only, or with one of these signs, stands for a secret that is elsewhere.
_WORDS = """
a access account api app aws azure be bot change changeme client credentials database db default dummy env
example fake false file foo for from here hidden host id insert key later masked me missing my none null
omitted openai pass passphrase password path placeholder private redacted redshift removed replace root
sample secret session set some storage string tbd temp test the this to todo token true undefined unset user
username value var weaviate xxx xxxx your
"""
_STANDS_FOR = frozenset(_WORDS.split())
_SIGNS = ("{", "[", "<", "$", "*", "...", "%(", "env_var", "os.environ", "#", "@Microsoft.KeyVault(")
#: Literals of Mage's own templates.
_TEMPLATES = frozenset({"mage1337", "123456"})
_SHORTEST = 6


def secrets(project: Project) -> Iterator[Finding]:
    """HG050 in every file that was read."""
    documents = {document.path: document for document in project.documents()}
    python = dict(project.python_files())
    for path, text in list(project.read_texts()):
        if not _hinted(text):
            continue
        if path in documents:
            yield from _in_yaml(path, documents[path].value, "")
        elif path in python:
            yield from _in_python(path, python[path])
        else:
            yield from _in_text(path, text)


def _hinted(text: str) -> bool:
    lowered = text.lower()
    return any(hint in lowered for hint in _HINTS) or "eyJ" in text or ("://" in text and "@" in text)


def _in_text(path: Path, text: str) -> Iterator[Finding]:
    """In SQL and other languages: what is a secret whatever its name."""
    for line, content in enumerate(text.splitlines(), 1):
        if what := kind_of("", content):
            mend = "read it from the environment, and rotate what was written here"
            yield Finding("HG050", path, line, what, "a value from the environment", mend)


def _in_yaml(path: Path, value: Any, key: str, line: int = 1) -> Iterator[Finding]:
    if isinstance(value, Lines):
        for name, inner in value.items():
            yield from _in_yaml(path, inner, name, value.lines[name])
    elif isinstance(value, Items):
        for position, inner in enumerate(value):
            yield from _in_yaml(path, inner, key, value.lines[position])
    elif isinstance(value, str) and (what := kind_of(key, value)):
        mend = "write \"{{ env_var('NAME') }}\", and rotate what was written here"
        yield Finding("HG050", path, line, f"{key}: {what}", "a value from the environment", mend)


def _in_python(path: Path, python: PythonFile) -> Iterator[Finding]:
    named: dict[int, str] = {}
    for node in ast.walk(python.tree):
        for name, value in _names(node):
            named[id(value)] = name
    for node in ast.walk(python.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = named.get(id(node), "")
            if what := kind_of(name, node.value):
                mend = "read it from os.environ, and rotate what was written here"
                message = f"{name}: {what}" if name else what
                yield Finding("HG050", path, node.lineno, message, "a value from the environment", mend)


def _names(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Values that a node gives a name."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield _name(target), node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield _name(node.target), node.value
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg, node.value
    elif isinstance(node, ast.Call) and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
        # A default: kwargs.get("token", "...").
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"get", "getenv", "pop", "setdefault"}:
            yield str(node.args[0].value), node.args[1]
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value


def _name(target: ast.expr) -> str:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return (
        target.id
        if isinstance(target, ast.Name)
        else target.attr
        if isinstance(target, ast.Attribute)
        else ""
    )


def kind_of(name: str, value: str) -> str | None:
    """What kind of secret a value looks like, or None. The value itself is never repeated."""
    for what, shape in SHAPES:
        if shape.search(value):
            return what
    if (found := URL.search(value)) and not stands_for(found[1]):
        return "a password in a URL"
    named = NAME.search(name)
    if not named or len(value) < _SHORTEST or stands_for(value) or _says_its_name(named[0], value):
        return None
    return None if _names_something(named[0], value) else "a literal"


def stands_for(value: str) -> bool:
    """Whether a value only stands for a secret."""
    stripped = value.strip()
    if is_templated(value) or " " in stripped or any(sign in value for sign in _SIGNS) or value in _TEMPLATES:
        return True
    words = re.findall(r"[a-z]+|\d+", stripped.lower())
    return not words or all(word in _STANDS_FOR for word in words) or stripped.isupper()


def _names_something(name: str, value: str) -> bool:
    """Whether a value is the name of a thing: a path, an address, or words where only machines make secrets.

    People choose passwords, so those may be words. Tokens and keys are drawn at random: `bearer` or
    `nextPageToken` is none.
    """
    if PLACE.match(value) or FILE.search(value):
        return True
    if HUMAN.search(name):
        words = _words(value)
        return len(words) > 1 and name.strip("_-").lower() in words
    return all(GENERATED.search(word) is None for word in re.split(r"[^A-Za-z0-9]+", value))


def _words(value: str) -> list[str]:
    """The words of `customer_password` and `customerPassword`, in lower case."""
    return re.findall(r"[a-z]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", value).lower())


def _says_its_name(name: str, value: str) -> bool:
    """`api_key: api_key_for_search`; not of names of one word, which are parts of real passwords."""
    name = name.strip("_-").lower()
    return "_" in name and name in value.lower()


RULES = (secrets,)
