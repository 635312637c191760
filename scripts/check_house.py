"""The house rules that ruff, mypy and import-linter cannot see; `make check` runs it. Standard library only.

    venue-name   names of concrete venues occur in venues/, twins/ and app/, nowhere else (prose excepted)
    size         no file over 450 lines, no function over 60 (docstrings not counted)
    ignore       every `noqa`, `type: ignore` and `no cover` has a code and a reason
    clock        only runtime/clocks.py asks the time
    task         every task of the desk has a parent: a TaskGroup or the supervisor makes it
    core         core/ imports the standard library, msgspec and itself
    package      every folder with modules has an __init__.py: without one import-linter does not see it
    sleep        tests wait for an event or move the clock
    lock         a lockfile names no index host and no path

A line may be excused by `# house: RULE - why`.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common import ROOT

HOUSE = Path("src/bethna")
VENUES = re.compile("binance|coinbase|coingecko|kraken|deribit", re.IGNORECASE)
VENUE_ROOMS = (HOUSE / "venues", HOUSE / "twins", HOUSE / "app")
FILE_LINES = 450
FUNCTION_LINES = 60
IGNORES = {
    "noqa": (r"#\s*noqa\b", r"#\s*noqa:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*\s+(-|#)\s*\S+"),
    "type: ignore": (r"#\s*type:\s*ignore", r"#\s*type:\s*ignore\[[a-z, -]+\]\s+#\s*\S+"),
    "no cover": (r"#\s*pragma:\s*no (cover|branch)", r"#\s*pragma:\s*no (cover|branch)\s+(-|#)\s*\S+"),
}
EXCUSE = re.compile(r"#\s*house:\s*(\w[\w-]*)\s+-\s+\S+")


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


@dataclass(frozen=True)
class Source:
    """One Python file: its path in the tree, its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    def inside(self, *places: Path) -> bool:
        return any(self.path == place or place in self.path.parents for place in places)

    def finding(self, line: int, rule: str, text: str) -> Finding:
        return Finding(self.path.as_posix(), line, rule, text)


def prose(tree: ast.Module) -> set[int]:
    """The ids of string constants that stand alone: docstrings of modules, classes, functions and attributes."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def words(node: ast.AST) -> Iterator[str]:
    """The identifiers and string constants that one node holds."""
    for name in ("name", "id", "attr", "arg", "module", "asname", "value", "rest"):
        word = getattr(node, name, None)
        if isinstance(word, bytes):
            yield word.decode("latin-1")
        elif isinstance(word, str):
            yield word
    if isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names


def check_venue_names(source: Source) -> Iterator[Finding]:
    if not source.inside(HOUSE) or source.inside(*VENUE_ROOMS):
        return
    passed_over = prose(source.tree)
    for node in ast.walk(source.tree):
        if id(node) in passed_over:
            continue
        for word in words(node):
            found = VENUES.search(word)
            if found:
                line = getattr(node, "lineno", 1)
                yield source.finding(line, "venue-name", f"{found[0]!r} outside venues/, twins/ and app/")


def check_sizes(source: Source) -> Iterator[Finding]:
    if source.inside(Path("tests")):
        return
    lines = source.text.count("\n")
    if lines > FILE_LINES:
        yield source.finding(1, "size", f"{lines} lines, at most {FILE_LINES}: split it by what it is about")
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines(node)
        if length > FUNCTION_LINES:
            yield source.finding(
                node.lineno, "size", f"{node.name} has {length} lines, at most {FUNCTION_LINES}"
            )


def check_ignores(source: Source) -> Iterator[Finding]:
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        for name, (present, whole) in IGNORES.items():
            if re.search(present, token.string) and not re.search(whole, token.string):
                yield source.finding(token.start[0], "ignore", f"`{name}` needs a code and a reason")


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def check_clock(source: Source) -> Iterator[Finding]:
    if not source.inside(HOUSE) or source.inside(HOUSE / "runtime/clocks.py"):
        return
    for line, name in imported(source.tree):
        if name == "time":
            yield source.finding(line, "clock", "only runtime/clocks.py asks the time; take a Clock")


def check_task(source: Source) -> Iterator[Finding]:
    if not source.inside(HOUSE) or source.inside(HOUSE / "runtime/supervisor.py"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in (
            "asyncio.create_task",
            "asyncio.ensure_future",
        ):
            yield source.finding(node.lineno, "task", "every task has a parent: TaskGroup.create_task")


def check_core(source: Source) -> Iterator[Finding]:
    if not source.inside(HOUSE / "core"):
        return
    for line, name in imported(source.tree):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "msgspec" and not name.startswith("bethna.core"):
            yield source.finding(
                line, "core", f"core/ imports {name}; it knows the standard library and msgspec"
            )


def check_package(source: Source) -> Iterator[Finding]:
    if source.inside(HOUSE) and not (ROOT / source.path).with_name("__init__.py").is_file():
        yield source.finding(1, "package", f"{source.path.parent.as_posix()} has no __init__.py")


def check_sleep(source: Source) -> Iterator[Finding]:
    if not source.inside(Path("tests")):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        yields = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if name in ("sleep", "wait_for_timeout") and not yields:
            yield source.finding(
                node.lineno, "sleep", "wait for the event or move the clock; sleep(0) yields"
            )


RULES: tuple[Callable[[Source], Iterator[Finding]], ...] = (
    check_venue_names,
    check_sizes,
    check_ignores,
    check_clock,
    check_task,
    check_core,
    check_package,
    check_sleep,
)


def check_source(path: Path, text: str) -> list[Finding]:
    """What the rules say about one Python file, at `path` in the tree."""
    try:
        source = Source(path, text, ast.parse(text, str(path)))
    except SyntaxError as error:
        return [Finding(path.as_posix(), error.lineno or 1, "syntax", error.msg)]
    lines = text.splitlines()
    found = []
    for rule in RULES:
        for finding in rule(source):
            excuse = EXCUSE.search(lines[finding.line - 1]) if finding.line <= len(lines) else None
            if excuse is None or excuse[1] != finding.rule:
                found.append(finding)
    return found


def check_text(path: Path, text: str) -> list[Finding]:
    """What the rules say about a file that is not Python: locks, and the length of the UI's sources."""
    name = path.as_posix()
    if path.suffix == ".lock":
        leaks = (
            i for i, line in enumerate(text.splitlines(), 1) if "://" in line or line.startswith(("-", "/"))
        )
        return [
            Finding(name, line, "lock", "a lockfile names no host and no path: make lock") for line in leaks
        ]
    if path.name == "package-lock.json":
        leaks = (i for i, line in enumerate(text.splitlines(), 1) if '"resolved"' in line and "://" in line)
        return [
            Finding(name, line, "lock", "npm install --omit-lockfile-registry-resolved") for line in leaks
        ]
    lines = text.count("\n")
    if name.startswith("web/src/") and path.suffix in (".ts", ".svelte") and lines > FILE_LINES:
        return [Finding(name, 1, "size", f"{lines} lines, at most {FILE_LINES}")]
    return []


def listed() -> list[Path]:
    """Every file that is tracked or could be: what git knows and what it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted({Path(name) for name in done.stdout.split("\0") if name and (ROOT / name).is_file()})


def main() -> int:
    findings: list[Finding] = []
    for path in listed():
        if path.suffix == ".py":
            findings += check_source(path, (ROOT / path).read_text())
        elif path.suffix in (".lock", ".ts", ".svelte", ".json"):
            findings += check_text(path, (ROOT / path).read_text())
    for finding in sorted(findings):
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
