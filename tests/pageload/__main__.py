"""`make page-load`: the page at 10,000 updates a second; prints what it drew, what it kept and what limits it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from _requirements import Lack, find
from pageload.campaign import page_load, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="make page-load", description=__doc__)
    parser.add_argument("--rate", type=float, default=10_000.0, help="updates a second (default 10000)")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long is measured (default 300)")
    parser.add_argument("--symbols", type=int, default=50, help="how many instruments (default 50)")
    parser.add_argument("--seed", type=int, default=7, help="of the market")
    options = parser.parse_args()
    needed = {name: find(name) for name in ("chromium", "ui")}
    for lack in needed.values():
        if isinstance(lack, Lack):
            print(f"{lack.reason}: {lack.remedy}", file=sys.stderr)
            return 2
    outcome = asyncio.run(
        page_load(
            Path(str(needed["chromium"])), options.rate, options.seconds, options.symbols, options.seed,
            os.cpu_count() or 1,
        )
    )  # fmt: skip
    print(table(outcome, options.rate))
    for failure in outcome.failures():
        print(failure)
    return 1 if outcome.failures() else 0


if __name__ == "__main__":
    sys.exit(main())
