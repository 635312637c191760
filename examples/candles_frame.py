"""A span of candles as a polars frame in three lines, without any `async`.

    .venv/bin/python examples/candles_frame.py                   ETH-USDT, the hours of two days
    .venv/bin/python examples/candles_frame.py BTC-USDT 1m 3h    another interval and another span

Asks the desk that runs on this machine, else one that is opened for this: for the venue's history and what was seen.
Needs polars: pip install 'bethna[polars]'.
"""

import sys
from collections import Counter

import bethna


def main(symbol: str = "ETH-USDT", interval: str = "1h", last: str = "2d") -> None:
    """Print the candles, how many of them are traded, quiet and unknown, and why something could not be had."""
    candles = bethna.candles(symbol, interval, last=last)
    print(
        candles.to_polars().select("open_time", "open", "high", "low", "close", "volume", "kind", "coverage")
    )
    print(f"{len(candles)} candles of {interval}:", dict(Counter(bar.kind.value for bar in candles)))
    for refusal in candles.refusals:
        print(f"  {refusal.source}: {refusal.reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])
