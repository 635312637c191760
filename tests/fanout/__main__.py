"""`make fanout`: fifty thousand ticks a second into a desk with a hundred pages, as asked; prints cores and ages.

Three rounds of the same market: without a client, with the pages, and with the pages beside clients that read nothing.
Cores are those of the desk's process; an age is the time from the tick's reception by the desk to the page's script.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from random import SystemRandom
from statistics import quantiles
from typing import Any

WARM_S = 5.0


class Child:
    """A process that answers a line with a line."""

    def __init__(self, module: str, **options: object) -> None:
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a part of the measurement ended with {self._process.wait()}")
        return line.strip()

    def tell(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def ask(self) -> Any:
        self.tell()
        return json.loads(self._line())

    def end(self) -> None:
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        self._process.wait(30)


@dataclass
class Round:
    """What one round brought; `ages_ms` ascending."""

    name: str
    cores: float
    ticks_s: float
    frames_s: float
    kilobytes_s: float
    ages_ms: list[float]
    dropped: int
    holes: int
    gaps: int

    def percentile(self, percent: int) -> float | None:
        return quantiles(self.ages_ms, n=100)[percent - 1] if len(self.ages_ms) > 100 else None


def measure(name: str, served: Child, seconds: float, symbols: int, pages: int, deaf: int) -> Round:
    clients = Child("fanout.clients", url=served.first, pages=pages, deaf=deaf, symbols=symbols)
    waiting = threading.Event()
    waiting.wait(WARM_S)
    before, began = served.ask(), time.monotonic()
    clients.tell()
    waiting.wait(seconds)
    after, took = served.ask(), time.monotonic() - began
    seen = clients.ask()
    clients.end()
    return Round(
        name,
        (after["cpu_s"] - before["cpu_s"]) / took,
        (after["ticks"] - before["ticks"]) / took,
        seen["frames"] / took,
        seen["bytes"] / took / 1e3,
        sorted(seen["ages_ms"]),
        seen["dropped"],
        seen["holes"],
        after["gaps"],
    )


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fanout", description=__doc__)
    parser.add_argument("--rate", type=float, default=50_000.0, help="ticks a second (default 50000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each round (default 60)")
    parser.add_argument("--pages", type=int, default=100, help="how many pages (default 100)")
    parser.add_argument("--deaf", type=int, default=20, help="clients that read nothing (default 20)")
    parser.add_argument("--symbols", type=int, default=20, help="how many instruments (default 20)")
    options = parser.parse_args()
    seed = SystemRandom().randrange(1, 2**32)
    rounds = []
    for name, pages, deaf in (
        ("no client", 0, 0),
        (f"{options.pages} pages", options.pages, 0),
        (f"{options.pages} pages, {options.deaf} that read nothing", options.pages, options.deaf),
    ):
        served = Child("fanout.served", rate=options.rate, symbols=options.symbols, seed=seed)
        rounds.append(measure(name, served, options.seconds, options.symbols, pages, deaf))
        served.end()
    print(
        f"{'round':<40}{'ticks/s':>9}{'cores':>7}{'frames/s':>10}{'KB/s':>8}{'p50 ms':>8}{'p99 ms':>8}{'max ms':>8}"
    )
    for each in rounds:
        print(
            f"{each.name:<40}{each.ticks_s:>9,.0f}{each.cores:>7.2f}{each.frames_s:>10,.0f}{each.kilobytes_s:>8,.0f}"
            f"{shown(each.percentile(50)):>8}{shown(each.percentile(99)):>8}{shown(max(each.ages_ms, default=None)):>8}"
        )
    alone, *others = rounds
    for each in others:
        print(f"{each.name}: {each.cores - alone.cores:.2f} cores for the clients")
    wrong = [each for each in rounds if each.holes or each.gaps]
    for each in wrong:
        print(f"{each.name}: {each.holes} holes in seq, {each.gaps} gaps in the feeds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
