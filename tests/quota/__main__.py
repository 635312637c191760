"""`make quota`: a dozen processes at full demand against one twin, or as asked; prints what they got and heard."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from quota.campaign import run, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="make quota", description=__doc__)
    parser.add_argument("--processes", type=int, default=12, help="how many want all they can (default 12)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=200.0,
        help="how long (default 200; 0: until a minute is used up)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the market (default: a fresh one)")
    options = parser.parse_args()
    seed = options.seed or SystemRandom().randrange(1, 2**32)
    print(f"seed {seed}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="bethna-quota-") as folder:
        outcome = asyncio.run(run(options.processes, options.seconds, seed, Path(folder) / "bethna"))
    print(table(outcome))
    for line in outcome.unmet():
        print(f"unmet: {line}")
    return 1 if outcome.unmet() else 0


if __name__ == "__main__":
    sys.exit(main())
