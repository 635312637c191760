"""`make strangers`: clients that others wrote, each pointed at a twin by its address alone, held to the truth.

Each runs with its own packages in an environment of its own under `.bench/`, made once from pins in
`benchmarks/peers/`; nothing of it leaves this machine (what tries to is refused and reported). Prints what each was
told, how much of it was compared and the verdict; the exit code is 1 when anything differs or a client did not run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from _network import child_environment
from benchmarks.environments import Missing, Peer, interpreter
from scenario.cli_runs import PATIENCE_S, line_of, running
from strangers.verdict import ALSO, STREAMED, Verdict

CLIENTS = Path(__file__).parent / "clients"
SHOWN = ("trade", "aggregate", "candle", "ticker", "quote", "book", "history")
MOST_FINDINGS = 8
assert set(STREAMED) < set(SHOWN)


@dataclass(frozen=True)
class Stranger:
    """A client of a venue.

    Attributes:
        peer: its environment and its program in `clients`. words: what that program takes first.
        kinds: what it must be told of.
    """

    peer: Peer
    venue: str
    symbols: tuple[str, ...]
    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = (*STREAMED, *ALSO)

    @property
    def name(self) -> str:
        """As the table says it."""
        return self.peer.name


def _ccxt(name: str, venue: str, symbols: tuple[str, ...], without: str = "") -> Stranger:
    peer = Peer(f"ccxt.pro {name}", "ccxt", "ccxt_venues_client", (3, 11))
    kinds = tuple(kind for kind in (*STREAMED, *ALSO) if kind != without)
    return Stranger(peer, venue, symbols, (name,), kinds)


BINANCE, COINBASE, KRAKEN = ("BTCUSDT", "ETHUSDT"), ("BTC-USD", "ETH-USD"), ("BTC/USD", "ETH/USD")
DERIBIT = ("BTC-PERPETUAL", "ETH-PERPETUAL")
STRANGERS = (
    Stranger(Peer("python-binance", "python_binance", "python_binance_client", (3, 11)), "binance", BINANCE),
    Stranger(Peer("ccxt.pro binance", "ccxt", "ccxt_client", (3, 11)), "binance", BINANCE),
    _ccxt("coinbaseexchange", "coinbase", COINBASE, without="candle"),
    _ccxt("coinbase", "coinbase_advanced", COINBASE, without="candle"),
    Stranger(
        Peer("coinbase-advanced-py", "coinbase_advanced", "coinbase_advanced_client", (3, 11)),
        "coinbase_advanced",
        COINBASE,
        kinds=STREAMED,
    ),
    _ccxt("kraken", "kraken", KRAKEN),
    Stranger(Peer("python-kraken-sdk", "kraken_sdk", "kraken_sdk_client", (3, 11)), "kraken", KRAKEN),
    _ccxt("deribit", "deribit", DERIBIT),
)


@dataclass(frozen=True)
class Tried:
    """How one client fared. Attributes: said: its stderr, shown when something is wrong."""

    name: str
    version: str
    counts: dict[str, int]
    findings: Sequence[str]
    said: str = ""

    @property
    def verdict(self) -> str:
        """In two words."""
        if not self.version:
            return "DID NOT RUN"
        return "DIFFERS" if self.findings else "equal"


def main() -> int:
    options = _options()
    seed = options.seed or SystemRandom().randrange(1, 2**32)
    _say(f"seed {seed}, {options.seconds:g} s each, two symbols at pace {options.pace:g}")
    tried = [
        _try(stranger, seed, options)
        for stranger in STRANGERS
        if not options.only or stranger.name in options.only
    ]
    print(table(tried))
    for each in tried:
        for finding in each.findings[:MOST_FINDINGS]:
            print(f"{each.name}: {finding}")
        if each.findings and each.said:
            print(f"{each.name} said: {each.said[-2000:]}")
    return 1 if any(each.findings for each in tried) else 0


def _try(stranger: Stranger, seed: int, options: argparse.Namespace) -> Tried:
    try:
        python = interpreter(stranger.peer, options.python, _say)
    except Missing as reason:
        return Tried(stranger.name, "", {}, [f"did not run: {reason}"])
    with tempfile.TemporaryDirectory(prefix="bethna-strangers-") as folder:
        return _run(stranger, python, seed, options, Path(folder))


def _run(stranger: Stranger, python: str, seed: int, options: argparse.Namespace, folder: Path) -> Tried:
    truth, refused = folder / "truth.jsonl", folder / "refused"
    words = (
        "--symbols", ",".join(stranger.symbols), "--seed", str(seed), "--pace", str(options.pace),
        "--past-days", "0",  # the truth begins with the twin
    )  # fmt: skip
    twin = ("twin", stranger.venue, "--port", "0", "--json", "--attached", "--truth", str(truth), *words)
    with running(*twin) as process:
        authority = str(line_of(process)["url"]).removeprefix("http://")
        program = str(CLIENTS / f"{stranger.peer.module}.py")
        command = [python, program, *stranger.words, authority, str(options.seconds), *stranger.symbols]
        environment = {**os.environ, **child_environment(refused)}
        environment["PYTHONPATH"] += f"{os.pathsep}{CLIENTS.parent.parent}"
        client = subprocess.run(
            command, env=environment, capture_output=True, timeout=options.seconds + 120, check=False
        )
        assert process.stdin is not None
        process.stdin.close()
        ended = process.wait(PATIENCE_S)
    told = [json.loads(line) for line in client.stdout.splitlines()]
    verdict = Verdict(told, truth, stranger.symbols, stranger.kinds)
    findings = list(verdict.findings)
    if client.returncode or ended:
        findings.append(f"the client ended with {client.returncode}, the twin with {ended}")
    if refused.exists():
        asked = sorted(set(refused.read_text().splitlines()))
        findings.append(f"wanted to leave this machine: {', '.join(asked)}")
    version = str(verdict.about.get("version", ""))
    return Tried(stranger.name, version, dict(verdict.counts), findings, client.stderr.decode())


def table(tried: Sequence[Tried]) -> str:
    """A row a client: what was compared and found equal, and whether all of it was."""
    rows: list[tuple[str, ...]] = [("client", "version", *SHOWN, "verdict")]
    for each in tried:
        counts = (f"{each.counts.get(kind, 0):,}" for kind in SHOWN)
        rows.append((each.name, each.version, *counts, each.verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column < 2 or column == len(row) - 1 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make strangers", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each listens (default 20)")
    parser.add_argument("--pace", type=float, default=5.0, help="of the market (default 5)")
    parser.add_argument("--seed", type=int, default=0, help="of the market (default: a fresh one)")
    parser.add_argument("--only", action="append", choices=[each.name for each in STRANGERS])
    parser.add_argument("--python", action="append", default=[], help="a further Python for environments")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
