"""Starts the real command line in a process of its own; tests talk to it through pipes and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

PROGRAM = [sys.executable, "-c", "import sys; from bethna.cli import main; sys.exit(main())"]
PATIENCE_S = 30
UNHURRIED = {"BETHNA_API_RATE_PER_S": "0"}  # tests ask over and over until something has happened


def run(
    *words: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """To its end."""
    return subprocess.run(
        [*PROGRAM, *words],
        input=stdin,
        env={**UNHURRIED, **os.environ, **(environment or {})},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )


@contextmanager
def running(
    *words: str, environment: Mapping[str, str] | None = None, before: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """While the block lasts; ended by force if it has not ended by itself. `before` is Python that runs first."""
    process = subprocess.Popen(
        [*PROGRAM[:-1], before + PROGRAM[-1], *words],
        env={**UNHURRIED, **os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def line_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The next JSON line of its output."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _, errors = process.communicate(timeout=PATIENCE_S)
        raise AssertionError(f"expected a line, found the end: {errors.decode()}")
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> tuple[int, str]:
    """Send a signal; the exit code and what was written to stderr."""
    process.send_signal(how)
    _, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, errors.decode()


def error_of(done: subprocess.CompletedProcess[bytes]) -> dict[str, str]:
    """The error object that `--json` prints."""
    found = json.loads(done.stdout)
    assert set(found) == {"error"}
    assert set(found["error"]) == {"code", "message", "hint"}
    error: dict[str, str] = found["error"]
    return error
