"""Play a recording through the desk's own feed path and print its candles, each with how complete it is.

    .venv/bin/python examples/audit_a_tape.py btc.jsonl.zst 5m

No socket is opened and no port is taken. The same tape gives the same candles and the same hash every time.
"""

import sys
from datetime import UTC, datetime

from bethna.app import Desk
from bethna.config import load
from bethna.core.intervals import Interval
from bethna.core.market import Candle


def main(tape: str, interval: str = "1m") -> None:
    """Print every candle of every instrument on the tape, then the hash of the final state."""
    desk = Desk(load(options={"source": f"tape:{tape}", "speed": "max"}))
    state_hash = desk.play_through()
    for instrument in desk.instruments():
        print(f"{instrument.id}, candles of {interval}")
        for candle in desk.candles(instrument.id, Interval(interval), limit=1500):
            print(f"  {line(candle)}")
    print(f"state hash {state_hash}")


def line(candle: Candle) -> str:
    """One candle for a person; times in the library are nanoseconds UTC."""
    opened = datetime.fromtimestamp(candle.open_time // 1_000_000_000, UTC)
    figures = (
        f"{candle.open} {candle.high} {candle.low} {candle.close}, {candle.volume} in {candle.trades} trades"
    )
    ended = "closed" if candle.closed else "open"
    gaps = "".join(f", {gap.reason.replace('_', ' ')}" for gap in candle.coverage.gaps)
    return f"{opened:%Y-%m-%d %H:%M:%S} UTC  {figures}, {ended}, {candle.coverage.state}{gaps}"


if __name__ == "__main__":
    main(*sys.argv[1:])
