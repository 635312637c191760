"""The bootstrap on odd machines: an old Python, no Python, an old Node, a Node without npm, packages out of step."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import node
import ui

ROOT = Path(__file__).resolve().parent.parent.parent


def program(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def find_python(cwd: Path, path: Path, python: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "find-python")],
        cwd=cwd,
        env={"PATH": str(path), "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_python_that_runs_and_is_new_enough(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    program(programs, "python3.13", "echo 'version switcher: not installed' >&2; exit 127")
    program(programs, "python3.12", "exit 1")  # says: too old
    program(programs, "python3", "exit 0")
    assert find_python(tmp_path, programs).stdout == "python3\n"


def test_no_python_says_what_to_install(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    program(programs, "python3", "exit 1")
    done = find_python(tmp_path, programs)
    assert done.returncode == 3
    assert "found no Python 3.11 or newer" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_a_named_python_that_does_not_do_is_not_replaced_by_another(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    program(programs, "python3", "exit 0")
    done = find_python(tmp_path, programs, python="python3.9")
    assert done.returncode == 3
    assert "PYTHON=python3.9 is not a Python 3.11 or newer" in done.stderr


@pytest.mark.parametrize(
    ("node_says", "npm_says", "taken"),
    [
        ("echo v20.19.0", "echo 10.8.2", True),
        ("echo v24.1.0", "echo 11.0.0", True),
        ("echo v20.18.3", "echo 10.8.2", False),
        ("echo v9.0.0", "echo 6.0.0", False),
        ("exit 127", "echo 10.8.2", False),
        ("echo v24.1.0", "exit 1", False),
        ("echo v24.1.0", None, False),
    ],
)
def test_a_node_is_taken_when_it_is_new_enough_and_has_npm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node_says: str, npm_says: str | None, taken: bool
) -> None:
    program(tmp_path, "node", node_says)
    if npm_says is not None:
        program(tmp_path, "npm", npm_says)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (node.on_path() is not None) is taken


def test_the_oldest_node_is_the_one_that_the_ui_asks_for() -> None:
    asked = json.loads((ROOT / "web" / "package.json").read_text())["engines"]["node"]
    assert asked == f">={node.OLDEST_TEXT}"


LOCKED = {
    "": {"name": "bethna-web"},
    "node_modules/a": {"integrity": "sha512-a"},
    "node_modules/b": {"integrity": "sha512-b", "optional": True},
}


@pytest.mark.parametrize(
    ("installed", "current"),
    [
        ({"node_modules/a": {"integrity": "sha512-a"}}, True),
        ({"node_modules/a": {"integrity": "sha512-a"}, "node_modules/b": {"integrity": "sha512-b"}}, True),
        ({"node_modules/a": {"integrity": "sha512-old"}}, False),
        ({"node_modules/b": {"integrity": "sha512-b"}}, False),
        ({"node_modules/a": {"integrity": "sha512-a"}, "node_modules/c": {"integrity": "sha512-c"}}, False),
        (None, False),
    ],
)
def test_packages_are_current_when_npm_laid_what_the_lock_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: dict[str, object] | None, current: bool
) -> None:
    monkeypatch.setattr(ui, "LOCK", tmp_path / "package-lock.json")
    monkeypatch.setattr(ui, "INSTALLED", tmp_path / ".package-lock.json")
    ui.LOCK.write_text(json.dumps({"packages": LOCKED}))
    if installed is not None:
        ui.INSTALLED.write_text(json.dumps({"packages": installed}))
    assert ui.packages_are_current() is current


def test_what_git_ignores_in_web_is_not_a_source() -> None:
    known = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "web"],
        cwd=ROOT,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    assert {path.relative_to(ROOT).as_posix() for path in ui.sources()} <= set(known)
