"""Format, lint, types, floors and house rules, all of them whatever the first one says; `make check`.

    python scripts/check.py          check
    python scripts/check.py --fix    let ruff put right what it can, then check

Standard library only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from common import BIN, VENV_PYTHON, WEB, StepFailed, run, say
from node import on_path, own_if_there
from ui import install_packages


def ui_types() -> None:
    """svelte-check and tsc, with a Node that is already here; a check installs none."""
    node = on_path() or own_if_there()
    if node is None or not (WEB / "package.json").is_file():
        say("no Node here: the UI's types were not checked (`make setup` brings one along)")
        return
    install_packages(node)
    node.run_npm("run", "--silent", "check")


CHECKS: dict[str, Callable[[], None]] = {
    "format": lambda: run([BIN / "ruff", "format", "--check", "--quiet", "."]),
    "lint": lambda: run([BIN / "ruff", "check", "--quiet", "."]),
    "house": lambda: run([VENV_PYTHON, "scripts/check_house.py"]),
    "floors": lambda: run([BIN / "lint-imports", "--no-logo"]),
    "types": lambda: run([BIN / "mypy"]),
    "ui": ui_types,
}


def main() -> int:
    if "--fix" in sys.argv[1:]:
        run([BIN / "ruff", "check", "--quiet", "--fix-only", "."])
        run([BIN / "ruff", "format", "--quiet", "."])
    failed = []
    for name, check in CHECKS.items():
        started = time.monotonic()
        try:
            check()
        except StepFailed:
            failed.append(name)
        say(f"{name} {'FAILED' if name in failed else 'ok'} ({time.monotonic() - started:.1f} s)")
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
