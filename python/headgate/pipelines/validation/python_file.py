"""A Python block as its syntax tree says it is. Nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

#: Calls that only make a value, or set the interpreter up; by their last name, or by their whole one.
_HARMLESS_NAMES = """
getLogger get_logger compile TypeVar NewType namedtuple NamedTuple Path PurePath getenv get_repo_path
frozenset set dict list tuple str int float bool range zip len sorted min max sum abs round object
datetime date timedelta timezone ZoneInfo Decimal OrderedDict defaultdict Counter deque Enum partial
field dataclass cast literal_eval getcwd dirname abspath join basename expanduser filterwarnings
simplefilter basicConfig set_option dedent strip split upper lower format replace keys values items title
globals locals load_dotenv
"""
_HARMLESS = frozenset(_HARMLESS_NAMES.split())
_HARMLESS_PATHS = ("environ.get", "sys.path.append", "sys.path.insert")


@dataclass(frozen=True)
class Decorated:
    """A function or class under a decorator."""

    name: str
    line: int
    decorator: str
    #: The decorator's first argument, where it is a text.
    argument: str | None
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class PythonFile:
    """A parsed Python file; `error` is set where it does not parse."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.error: SyntaxError | None = None
        self.tree = ast.Module(body=[], type_ignores=[])
        try:
            self.tree = ast.parse(text)
        except SyntaxError as error:
            self.error = error
        except ValueError as error:
            self.error = SyntaxError(str(error))

    @cached_property
    def length(self) -> int:
        """How many lines it has."""
        return len(self.text.splitlines())

    @cached_property
    def decorated(self) -> list[Decorated]:
        """Its functions and classes, once for each decorator, in their order."""
        return [
            Decorated(node.name, node.lineno, _called_name(decorator), _argument(decorator), node)
            for node in _definitions(self.tree.body)
            for decorator in node.decorator_list
        ]

    def under(self, *decorators: str) -> list[Decorated]:
        """What stands under one of these decorators."""
        return [found for found in self.decorated if found.decorator in decorators]

    @cached_property
    def overwritten(self) -> list[tuple[str, int]]:
        """Names that are imported from Mage's decorators without asking whether Mage has injected them."""
        return [
            (alias.asname or alias.name, node.lineno)
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "mage_ai.data_preparation.decorators"
            for alias in node.names
        ]

    @cached_property
    def work_at_import(self) -> list[tuple[int, str]]:
        """Statements that do something when the file is read, with what they do."""
        return list(_work(self.tree.body))


def _definitions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _definitions(node.body)


def _called_name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.id if isinstance(called, ast.Name) else ""


def _argument(decorator: ast.expr) -> str | None:
    first = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _work(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    for node in body:
        if isinstance(node, ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith):
            yield node.lineno, f"a `{type(node).__name__.removeprefix('Async').lower()}` statement"
        elif isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign):
            yield from _calls(node.value)
        elif isinstance(node, ast.If) and not _is_main(node.test):
            yield from _work([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _work([*node.body, *(line for handler in node.handlers for line in handler.body)])


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _calls(value: ast.expr | None) -> Iterator[tuple[int, str]]:
    if value is None or isinstance(value, ast.Lambda):
        return
    for node in ast.walk(value):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.rpartition(".")[2] not in _HARMLESS and not name.endswith(_HARMLESS_PATHS):
                yield node.lineno, f"a call of {name}"
                return
