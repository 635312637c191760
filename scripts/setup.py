"""Make `.venv` and the built UI what the locks and the sources say; quick when they already are.

    python scripts/setup.py          everything a developer needs
    python scripts/setup.py --run    what `bethna up` needs, no more (for tests, checks: see --help)

It never installs system packages and never touches anything outside this tree. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

from common import BIN, ROOT, VENV, VENV_PYTHON, StepFailed, answers, digest, exclusive, run, say
from ui import build_ui

STAMP = VENV / ".bethna-setup.json"
LOCKS = {
    "run": ["requirements-build.lock", "requirements.lock"],
    "dev": ["requirements-dev.lock"],  # holds the other two, with the same pins
}
QUICK_S = 1.0  # quicker than this needs no word
PROJECT_FILES = ["pyproject.toml", "scripts/hatch_build.py"]
NO_VENV = """\
this Python ({python}) cannot make environments: its `venv` or `ensurepip` is missing.
  Debian, Ubuntu:  apt-get install python3-venv
  elsewhere:       install uv or virtualenv, or another Python 3.11+ and name it with PYTHON=..."""


def read_stamp() -> dict[str, str]:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(stamp: dict[str, str]) -> None:
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(stamp, indent=1) + "\n")
    fresh.replace(STAMP)


def base_python() -> Path:
    """The interpreter environments are made from, also when we run inside one."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)


def venv_version() -> str | None:
    return answers([VENV_PYTHON, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"])


def make_environment(uv: str | None) -> None:
    python = base_python()
    say(f"making .venv with {python} ({'.'.join(map(str, sys.version_info[:3]))})")
    if Path(sys.prefix).resolve() == VENV.resolve():
        raise StepFailed("cannot replace .venv from inside itself: run `make clean` first")
    if VENV.is_symlink():
        VENV.unlink()
    shutil.rmtree(VENV, ignore_errors=True)
    if uv is not None:
        run([uv, "venv", "--quiet", "--no-project", "--python", python, VENV])
        return
    if answers([python, "-c", "import venv, ensurepip"]) is not None:
        run([python, "-m", "venv", VENV])
        return
    virtualenv = shutil.which("virtualenv")
    if virtualenv is None:
        raise StepFailed(NO_VENV.format(python=python))
    run([virtualenv, "--quiet", "--python", python, VENV])


def install(arguments: list[str | Path], uv: str | None) -> None:
    if uv is not None:
        run([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", VENV_PYTHON, *arguments])
    else:
        run([VENV_PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "-qq", *arguments])


def install_locks(names: list[str], uv: str | None) -> None:
    for name in names:
        say(f"installing {name}")
        install(["--require-hashes", "--no-deps", "-r", ROOT / name], uv)


def install_project(uv: str | None) -> None:
    """Our own package, editable; its build backend comes from requirements-build.lock."""
    say("installing bethna, editable")
    install(["--no-deps", "--no-build-isolation", "-e", ROOT], uv)


def ensure_environment(level: str) -> None:
    stamp = read_stamp()
    if level == "run" and stamp.get("level") == "dev":
        level = "dev"  # a developer's environment holds the runtime too, and is kept whole
    wanted = {
        "level": level,
        "python": ".".join(map(str, sys.version_info[:3])),
        "locks": digest([ROOT / name for name in LOCKS[level]]),
        "project": digest([ROOT / name for name in PROJECT_FILES]),
    }
    entry = BIN / ("bethna.exe" if os.name == "nt" else "bethna")
    if stamp == wanted and VENV_PYTHON.exists() and entry.exists():
        return
    uv = shutil.which("uv")
    try:
        bring_up_to_date(stamp, wanted, uv)
    except StepFailed as failure:
        if uv is None:
            raise
        say(f"with uv: {failure}; trying again with plain venv and pip")
        STAMP.unlink(missing_ok=True)
        bring_up_to_date({}, wanted, None)
    write_stamp(wanted)


def bring_up_to_date(stamp: dict[str, str], wanted: dict[str, str], uv: str | None) -> None:
    if venv_version() != wanted["python"] or not stamp:
        make_environment(uv)
        stamp = {}
    else:
        STAMP.unlink()  # whoever is interrupted from here on starts over
    if uv is None and answers([VENV_PYTHON, "-m", "pip", "--version"]) is None:
        run([VENV_PYTHON, "-m", "ensurepip"])  # made by uv, which is gone
    if (stamp.get("locks"), stamp.get("level")) != (wanted["locks"], wanted["level"]):
        install_locks(LOCKS[wanted["level"]], uv)
    install_project(uv)


def compile_ours() -> None:
    """Our modules to bytecode, also where PYTHONDONTWRITEBYTECODE keeps programs from it: without, each one that starts
    compiles them all, which takes longer than everything else in its start. What does not compile is not told here."""
    answers([VENV_PYTHON, "-m", "compileall", "-q", ROOT / "src" / "bethna"])


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--run", action="store_true", help="only what `bethna up` needs")
    options.add_argument("--no-ui", action="store_true", help="leave the UI as it is")
    options.add_argument(
        "--keep-going", action="store_true", help="a UI that does not build is said, no more"
    )
    chosen = options.parse_args()
    started = time.monotonic()
    try:
        with exclusive("setup"):
            ensure_environment("run" if chosen.run else "dev")
            compile_ours()
    except StepFailed as failure:
        say(f"setup stopped: {failure}")
        return 3
    try:
        if not chosen.no_ui:
            build_ui()
    except StepFailed as failure:
        say(f"the UI was not built: {failure}")
        return 0 if chosen.keep_going else 3
    elapsed = time.monotonic() - started
    if elapsed > QUICK_S:
        say(f"ready in {elapsed:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
