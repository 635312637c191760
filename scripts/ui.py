"""Build the web UI into the package (`src/bethna/web_dist`) when its sources changed. Standard library only.

python scripts/ui.py [--force]
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import ROOT, WEB, WEB_DIST, StepFailed, digest, exclusive, say
from node import Node, find_node

BUILT_FROM = WEB_DIST / ".built-from"  # beside the output, so a build by hand makes us look again
LOCK = WEB / "package-lock.json"
INSTALLED = WEB / "node_modules" / ".package-lock.json"  # npm's own record of what it laid there
NOT_SOURCES = {"node_modules", "dist", "coverage", "test-results", "__pycache__"}


def sources() -> Iterator[Path]:
    for folder, names, files in os.walk(WEB):
        names[:] = [name for name in names if name not in NOT_SOURCES and not name.startswith(".")]
        yield from (Path(folder, name) for name in files if not name.endswith((".tsbuildinfo", ".log")))


def is_current(wanted: str) -> bool:
    return (WEB_DIST / "index.html").is_file() and BUILT_FROM.is_file() and BUILT_FROM.read_text() == wanted


def packages(lock: Path) -> dict[str, Any]:
    try:
        return {path: entry for path, entry in json.loads(lock.read_text())["packages"].items() if path}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


def packages_are_current() -> bool:
    """True when node_modules holds what the lockfile names; what is optional may be missing (other platforms)."""
    wanted, found = packages(LOCK), packages(INSTALLED)
    if not wanted or any(
        entry.get("integrity") != wanted.get(path, {}).get("integrity") for path, entry in found.items()
    ):
        return False
    return all(path in found for path, entry in wanted.items() if not entry.get("optional"))


def install_packages(node: Node) -> None:
    """What web/package-lock.json names, nothing newer; the lockfile is never rewritten."""
    if packages_are_current():
        return
    say(f"installing the UI's packages with {node.origin}")
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    try:
        node.run_npm("ci", *quiet)
    except StepFailed:
        # npm versions disagree at times on what a lockfile must list for other platforms: `ci` then refuses.
        say("npm ci refused; trying npm install, which keeps to the lockfile as far as it goes")
        node.run_npm("install", "--no-save", *quiet)


def build_ui(*, force: bool = False) -> None:
    if not (WEB / "package.json").is_file():
        say("web/ has no package.json: there is no UI to build here")
        return
    wanted = digest(sources())
    if is_current(wanted) and not force:
        return
    with exclusive("ui"):
        if is_current(wanted) and not force:
            return  # whoever we waited for built it
        node = find_node()
        install_packages(node)
        say("building the UI")
        BUILT_FROM.unlink(missing_ok=True)
        node.run_npm("run", "build")
        if not (WEB_DIST / "index.html").is_file():
            raise StepFailed(f"the UI build left no {(WEB_DIST / 'index.html').relative_to(ROOT)}")
        BUILT_FROM.write_text(wanted)


def main() -> int:
    try:
        build_ui(force="--force" in sys.argv[1:])
    except StepFailed as failure:
        say(f"the UI was not built: {failure}")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
