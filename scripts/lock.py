"""Resolve pyproject.toml into the pinned locks: hashes, every platform from Python 3.11 on, no index host, no path.

    python scripts/lock.py [--upgrade] [--upgrade-package NAME]

Needs `uv`: the one on the PATH, or one that is installed into `.venv` for this only. Standard library only.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from common import BIN, ROOT, VENV_PYTHON, StepFailed, installer, run, say

HEADER = "# Made by `make lock`: hashes, and no host of an index, so that any mirror will do.\n"
OPTIONS = [
    "--quiet",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-annotate",
    "--no-config",
    "--no-emit-find-links",
    "--no-emit-index-url",
    "--no-header",
]
# Each lock: what it is made from, and the locks whose pins it must keep to.
LOCKS: dict[str, tuple[list[str], list[str]]] = {
    "requirements.lock": (["pyproject.toml"], []),
    "requirements-build.lock": (["--group", "build"], ["requirements.lock"]),
    "requirements-dev.lock": (
        ["pyproject.toml", "--group", "dev"],
        ["requirements.lock", "requirements-build.lock"],
    ),
    "requirements-fuzz.lock": (["--group", "fuzz"], []),
    "requirements-probe.lock": (["--group", "probe"], []),
    "requirements-node.lock": (["requirements-node.in"], []),
}


def find_uv() -> Path:
    found = shutil.which("uv") or shutil.which("uv", path=str(BIN))
    if found is None:
        say("no uv on the PATH: installing one into .venv")
        run([*installer(VENV_PYTHON), "uv"])
        found = shutil.which("uv", path=str(BIN))
    if found is None:
        raise StepFailed("installed uv, but it is not there")
    return Path(found)


def lock(uv: Path, name: str, arguments: list[str]) -> None:
    sources, kept_to = LOCKS[name]
    constraints = [f"--constraint={other}" for other in kept_to]
    run([uv, "pip", "compile", *sources, *OPTIONS, *constraints, *arguments, "-o", name])
    text = (ROOT / name).read_text()
    if "://" in text:
        raise StepFailed(f"{name} names a host or a path")
    fresh = ROOT / f"{name}.new"
    fresh.write_text(HEADER + text.removeprefix(HEADER))
    fresh.replace(ROOT / name)


def main() -> int:
    try:
        uv = find_uv()
        for name in LOCKS:
            say(f"resolving {name}")
            lock(uv, name, sys.argv[1:])
    except StepFailed as failure:
        say(f"lock stopped: {failure}")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
