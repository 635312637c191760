"""Candles as a polars frame in three lines, without any `async`.

    .venv/bin/python examples/candles_frame.py                   ETH-USDT, one minute
    .venv/bin/python examples/candles_frame.py BTC-USDT 1s       another interval

Asks the desk that runs on this machine, which has what it has watched; a desk that is opened for this begins now.
Needs polars: pip install 'bethna[polars]'.
"""

import sys

import bethna


def main(symbol: str = "ETH-USDT", interval: str = "1m") -> None:
    """Print the candles, and how complete they are as a whole."""
    candles = bethna.candles(symbol, interval)
    print(candles.to_polars().select("open_time", "open", "high", "low", "close", "volume", "coverage"))
    print(f"{len(candles)} candles of {interval}, {candles.coverage.state}")
    for gap in candles.coverage.gaps:
        print(f"  {gap.reason}: {gap.first_id} to {gap.last_id}{' (healed)' if gap.healed else ''}")


if __name__ == "__main__":
    main(*sys.argv[1:])
