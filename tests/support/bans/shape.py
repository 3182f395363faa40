"""Bans that keep files, functions and classes small, and state out of modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from support.bans.source import Ban, Finding, Source

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
LONGEST_CLASS = 300

# Files named for nothing become the place for everything.
_NAMELESS = frozenset({"util", "utils", "helper", "helpers", "misc", "common"})


def nameless_files(source: Source) -> Iterator[Finding]:
    """A file is about one concept, and is called so."""
    if source.is_python and any(part in _NAMELESS for part in source.path.removesuffix(".py").split("/")):
        yield Finding(source.path, 1, "name the file for the one thing that it is about")


def sizes(source: Source) -> Iterator[Finding]:
    """Small enough to be read at one sitting. Docstrings of functions and classes are not counted."""
    lines = len(source.text.splitlines())
    if lines > LONGEST_FILE:
        yield Finding(source.path, 1, f"{lines} lines; a file has at most {LONGEST_FILE}")
    if not source.is_python:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            limit = LONGEST_CLASS if isinstance(node, ast.ClassDef) else LONGEST_FUNCTION
            length = _length(node, source.docstrings)
            if length > limit:
                yield Finding(source.path, node.lineno, f"{node.name} has {length} lines; at most {limit}")


def _length(node: ast.stmt, docstrings: set[ast.expr]) -> int:
    inside = docstrings.intersection(ast.walk(node))
    return _lines(node) - sum(_lines(text) for text in inside)


def _lines(node: ast.stmt | ast.expr) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


_MUTABLE_DISPLAYS = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
_MUTABLE_CALLS = frozenset(
    {
        *("list", "dict", "set", "bytearray", "weakref.WeakKeyDictionary", "weakref.WeakValueDictionary"),
        *("weakref.WeakSet", "itertools.count", "itertools.cycle", "queue.Queue", "queue.SimpleQueue"),
        *(f"collections.{name}" for name in ("defaultdict", "deque", "Counter", "OrderedDict", "ChainMap")),
        *(f"asyncio.{name}" for name in ("Lock", "Event", "Queue", "Semaphore", "Condition", "new_event_loop")),
        *(f"threading.{name}" for name in ("Lock", "RLock", "Event", "Condition", "local", "Semaphore")),
    }
)
# Types that a type checker lets nobody change, so that a display under them is a constant.
_READ_ONLY = frozenset({"Final", "Mapping", "Sequence", "Collection", "Iterable", "AbstractSet", "Set"})


def module_state(source: Source) -> Iterator[Finding]:
    """Nothing that changes lives in a module: two schedulers in one process must not meet there."""
    if not source.is_python:
        return
    for node in _module_statements(source.tree.body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_mutable(node.value, source):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if not _is_constant(node, targets):
                name = ast.unparse(targets[0])
                yield Finding(source.path, node.lineno, f"{name}: make it a tuple, frozenset or Final/Mapping CONSTANT")
    for inner in ast.walk(source.tree):
        if isinstance(inner, ast.Global):
            yield Finding(source.path, inner.lineno, f"global {', '.join(inner.names)}: keep state in an object")


def _module_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those that run at import, also inside ``if`` and ``try``."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For):
            for part in ("body", "orelse", "finalbody"):
                yield from _module_statements(getattr(node, part, []))


def _is_mutable(value: ast.expr | None, source: Source) -> bool:
    if isinstance(value, ast.Call):
        return source.dotted(value.func) in _MUTABLE_CALLS
    return isinstance(value, _MUTABLE_DISPLAYS)


def _is_constant(node: ast.Assign | ast.AnnAssign, targets: list[ast.expr]) -> bool:
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    if names == ["__all__"]:
        return True
    if not isinstance(node, ast.AnnAssign) or not all(name.isupper() for name in names):
        return False
    kind = node.annotation.value if isinstance(node.annotation, ast.Subscript) else node.annotation
    return ast.unparse(kind).rpartition(".")[2] in _READ_ONLY and not isinstance(node.value, ast.Call)


_LONG = "\n".join(["def f():", "    '''", *["    words"] * 30, "    '''", *["    x = 1"] * 61])
_JUST_RIGHT = "\n".join(["def f():", "    '''", *["    words"] * 30, "    '''", *["    x = 1"] * 59])

BANS = (
    Ban(
        "nameless files",
        nameless_files,
        bad=(Source("utils.py", ""), Source("engine/helpers.py", ""), Source("common/x.py", "")),
        good=(Source("engine/loop.py", ""), Source("store/sql/common.sql", "")),
    ),
    Ban(
        "sizes",
        sizes,
        bad=(
            Source("a.py", "x = 1\n" * 401),
            Source("a.sql", "SELECT 1;\n" * 401),
            Source("a.py", _LONG),
            Source("a.py", "class A:\n" + "    x = 1\n" * 300),
        ),
        good=(Source("a.py", "x = 1\n" * 400), Source("a.py", _JUST_RIGHT)),
    ),
    Ban(
        "module state",
        module_state,
        bad=(
            Source("a.py", "cache = {}"),
            Source("a.py", "CACHE = []"),
            Source("a.py", "CACHE: dict[str, int] = {}"),
            Source("a.py", "if True:\n    seen = set()"),
            Source("a.py", "from collections import defaultdict as d\nx = d(list)"),
            Source("a.py", "import threading\nLOCK: Final = threading.Lock()"),
            Source("a.py", "def f():\n    global n\n    n = 1"),
        ),
        good=(
            Source("a.py", "NAMES = ('a', 'b')\n__all__ = ['a']\nWORDS = frozenset({'a'})"),
            Source("a.py", "_KINDS: Final = {'a': 1}\n_MORE: Mapping[str, int] = {'b': 2}"),
            Source("a.py", "class A:\n    def f(self):\n        self.seen = set()"),
        ),
    ),
)
