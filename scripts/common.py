"""Where things are and how commands are run: what the bootstrap scripts share. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
VENV_PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
WEB = ROOT / "web"
WEB_DIST = ROOT / "src" / "bethna" / "web_dist"


class StepFailed(Exception):
    """A step of the build did not work; the text says what to do about it."""


def say(text: str) -> None:
    print(f"bethna: {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
    """Run a command to its end, its output on our stderr; StepFailed when it fails."""
    words = [str(word) for word in command]
    try:
        status = subprocess.run(
            words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        ).returncode
    except OSError as error:
        raise StepFailed(f"could not start {words[0]}: {error.strerror}") from error
    if status != 0:
        raise StepFailed(f"exit status {status} from: {' '.join(words)}")


def answers(command: Sequence[str | Path]) -> str | None:
    """What a short command prints, or None when it is missing or fails."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def digest(paths: Iterable[Path], *extra: str) -> str:
    """One hash over names and contents of files; a missing file counts as empty."""
    total = hashlib.sha256("\0".join(extra).encode())
    for path in sorted(paths):
        content = path.read_bytes() if path.is_file() else b""
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def installer(python: Path) -> list[str]:
    """The command that installs packages: the Python's own pip, uv where it has none, or a pip made for it.

    -I, because a build backend runs with an import path that hides the pip of its interpreter.
    """
    pip = ["-I", "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    if answers([python, "-I", "-m", "pip", "--version"]) is not None:
        return [str(python), *pip]
    uv = shutil.which(os.environ.get("UV", "uv"))
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(python)]
    made = ROOT / "build" / "pip"
    if not (made / BIN.name / VENV_PYTHON.name).exists():
        run([python, "-I", "-m", "venv", made])
    return [str(made / BIN.name / VENV_PYTHON.name), *pip]


@contextlib.contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold off a second run of the same step in the same tree until this one is done."""
    try:
        import fcntl  # not on Windows, where two runs at once are not guarded
    except ImportError:
        yield
        return
    with (ROOT / f".{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another {name} is under way in this tree, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
