"""Each peer's environment under `.bench/`: made once from its pins, kept until the pins change."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.frames import PROJECT

BENCH = PROJECT / ".bench"
PINS = PROJECT / "benchmarks" / "peers"
INSTALL_TIMEOUT_S = 600
LONGEST_REASON = 160
VERSION_QUERY = "import json, sys; print(json.dumps(sys.version_info[:2]))"

Version = tuple[int, int]


class Missing(Exception):
    """This contestant cannot take part; the text is the reason that the user reads."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A contestant that needs packages we do not."""

    name: str
    folder: str
    module: str
    oldest: Version
    newest: Version | None = None

    def runs_on(self, version: Version) -> bool:
        return self.oldest <= version and (self.newest is None or version <= self.newest)


PEERS = (
    Peer("cryptofeed 2", "cryptofeed2", "benchmarks.peers.cryptofeed_peer", (3, 11), (3, 12)),
    Peer("cryptofeed 3", "cryptofeed3", "benchmarks.peers.cryptofeed_peer", (3, 13)),
    Peer("ccxt.pro", "ccxt", "benchmarks.peers.ccxt_peer", (3, 11)),
    Peer("talipp", "talipp", "benchmarks.peers.talipp_peer", (3, 11)),
)


def interpreter(peer: Peer, extra_pythons: Iterable[str], say: Callable[[str], None]) -> str:
    """The Python of the peer's environment, made if there is none. Raises Missing with the reason."""
    pins = PINS / f"{peer.folder}.txt"
    folder = BENCH / peer.folder
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    mark, made_from = folder / "made-from", hashlib.sha256(pins.read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == made_from and _version(str(python)) is not None:
        return str(python)
    base = _find_base(peer, extra_pythons)
    say(f"{peer.name}: making its environment in .bench/{peer.folder} (once)")
    shutil.rmtree(folder, ignore_errors=True)
    BENCH.mkdir(exist_ok=True)
    (BENCH / ".gitignore").write_text("*\n")
    _run([base, "-m", "venv", str(folder)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(pins)])
    mark.write_text(made_from)
    return str(python)


def _find_base(peer: Peer, extra_pythons: Iterable[str]) -> str:
    for candidate in (sys.executable, *extra_pythons, *(f"python3.{minor}" for minor in (13, 14, 12, 11))):
        path = shutil.which(candidate)
        version = _version(path) if path else None
        if path and version and peer.runs_on(version):
            return path
    bound = f"Python {peer.oldest[0]}.{peer.oldest[1]}"
    bound += " or newer" if peer.newest is None else f" to {peer.newest[0]}.{peer.newest[1]}"
    raise Missing(f"needs {bound}, and none on the PATH runs; name one with --python")


def _version(python: str) -> Version | None:
    """None if it does not run, as with the stand-ins that version switchers put on the PATH."""
    try:
        command = [python, "-c", VERSION_QUERY]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        major, minor = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return major, minor


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"environment not made: {type(error).__name__}") from error
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines() or ["no word from it"]
        reason = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1])[
            :LONGEST_REASON
        ]
        raise Missing(f"environment not made: {reason}")
