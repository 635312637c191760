"""Every module says in one sentence what it is for, then what it does not do; and cites only rules that it states."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from docs.console import ROOT

MODULES = sorted((ROOT / "src" / "bethna").rglob("*.py"))
_LIMIT = re.compile(r"\b(no|not|nor|never|neither|nothing|nobody|none|only|without|cannot)\b")
_CITED = re.compile(r"\brules? (\d+(?:(?:, | and | to )\d+)*)", re.IGNORECASE)
# What a sentence more would only repeat: these say what they are, or where the rest is.
NEEDS_NO_LIMIT = {
    "__init__.py",
    "__main__.py",
    "api/reader.py",
    "api/routes.py",
    "app/desk.py",
    "app/live.py",
    "app/serving.py",
    "cli/audit.py",
    "cli/group.py",
    "cli/options.py",
    "cli/reach.py",
    "cli/running.py",
    "cli/up.py",
    "config/settings.py",
    "core/status.py",
    "core/wire.py",
    "logic/session_types.py",
    "net/timers.py",
    "net/tls.py",
    "runtime/clocks.py",
    "services/connections/__init__.py",
    "venues/spec.py",
}


def name_of(module: Path) -> str:
    return module.relative_to(ROOT / "src" / "bethna").as_posix()


@cache
def docstring_of(module: Path) -> str:
    return ast.get_docstring(ast.parse(module.read_text())) or ""


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_begins_with_a_sentence_that_says_what_it_is_for(module: Path) -> None:
    first = docstring_of(module).partition("\n\n")[0]
    assert re.match(r"[A-Z`]", first), f"expected a sentence, found {first!r}"
    assert first.endswith((".", "?")), f"expected a whole sentence, found {first!r}"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_says_what_it_does_not_do(module: Path) -> None:
    if name_of(module) not in NEEDS_NO_LIMIT:
        assert _LIMIT.search(docstring_of(module)), (
            "say what this room does not do, in the module's docstring"
        )


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_every_rule_that_a_module_cites_stands_at_its_top(module: Path) -> None:
    text = module.read_text()
    stated = {int(number) for number in re.findall(r"^ *(\d+)\. ", docstring_of(module), re.MULTILINE)}
    cited = {int(number) for listed in _CITED.findall(text) for number in re.findall(r"\d+", listed)}
    assert cited <= stated, f"cites rules {sorted(cited - stated)}, states {sorted(stated)}"


def test_what_needs_no_limit_is_still_there() -> None:
    assert {name_of(module) for module in MODULES} >= NEEDS_NO_LIMIT
