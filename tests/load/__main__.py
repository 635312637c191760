"""`make load`: a desk at 20,000 messages a second for ten minutes, or as asked; prints what it cost and lost."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from load.campaign import load, table

SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--rate", type=float, default=21_500.0, help="messages a second (default 21500)")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long is measured (default 600)")
    parser.add_argument("--symbols", type=int, default=40, help="how many instruments (default 40)")
    parser.add_argument("--seed", type=int, default=0, help="of the market (default: a fresh one)")
    options = parser.parse_args()
    seed = options.seed or SystemRandom().randrange(1, 2**32)
    print(f"seed {seed}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="bethna-load-") as folder:
        outcome = asyncio.run(load(options.rate, options.seconds, options.symbols, seed, Path(folder)))
    print(table(outcome, options.rate, options.symbols))
    for line in (*outcome.unwell[:SHOWN], *outcome.differing[:SHOWN]):
        print(line)
    return 1 if outcome.unwell or outcome.differing or any(outcome.losses().values()) else 0


if __name__ == "__main__":
    sys.exit(main())
