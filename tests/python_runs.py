"""Programs that use the package, in processes of their own, before one simulated market that they all share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 60


@contextmanager
def market(seed: int, folder: Path) -> Iterator[dict[str, str]]:
    """A twin in a process of its own while the block lasts; the variables that lead a program to it."""
    command = [sys.executable, "-m", "bethna", "twin", "binance", "--seed", str(seed % 2**32 or 1)]
    with subprocess.Popen(
        [*command, "--port", "0", "--json", "--attached", "--pace", "4"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as twin:
        assert twin.stdout is not None
        assert twin.stdin is not None
        try:
            said = json.loads(twin.stdout.readline())
            yield {
                **os.environ,
                "BETHNA_SOURCE": "twin",
                "BETHNA_HOSTS": f"binance={said['ws']}|{said['url']}",
                "BETHNA_DATA_DIR": str(folder / "data"),
            }
        finally:
            twin.stdin.close()
            twin.wait(PATIENCE_S)


def run(text: str, environment: Mapping[str, str], *options: str) -> str:
    """A program to its end; what it printed. It says nothing on stderr but what is expected of a simulation."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:the market is simulated", *options, "-c", text],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout
