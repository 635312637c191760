"""Be called back when a price has moved by some basis points, and never on a price that is old.

    .venv/bin/python examples/price_alert.py                     ETH-USDT, 5 basis points, until Ctrl-C
    .venv/bin/python examples/price_alert.py BTC-USDT 0.5 3      half a basis point, three times, then end

Attaches to the desk that runs on this machine; where none runs it opens one of its own.
"""

import asyncio
import sys

import bethna


async def main(symbol: str = "ETH-USDT", basis_points: str = "5", times: str = "") -> None:
    """Print each move; without a number of times until Ctrl-C."""
    done = asyncio.Event()
    last: list[float] = []

    def moved(view: bethna.PriceView) -> None:
        if view.price is None or view.stale:
            return
        if not last:
            last.append(view.price)
        move = (view.price / last[-1] - 1) * 10_000
        if abs(move) >= float(basis_points):
            print(f"{symbol} moved {move:+.2f} bp to {view.price} ({view.coverage.state})")
            last.append(view.price)
            if times and len(last) > int(times):
                done.set()

    desk = await bethna.open(symbol)
    try:
        desk.prices.on(symbol, moved)
        await done.wait()
    finally:
        await desk.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
