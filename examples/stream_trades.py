"""Trades as they happen, each with how complete the stream is up to it.

    .venv/bin/python examples/stream_trades.py                  ETH-USDT, until Ctrl-C
    .venv/bin/python examples/stream_trades.py BTC-USDT 10      ten trades, then end

Opens a desk of its own. When the live market cannot be reached it is simulated, and a warning says so.
"""

import asyncio
import sys
from itertools import count

import bethna


async def main(symbol: str = "ETH-USDT", trades: str = "") -> None:
    """Print trades and, between them, what happened to the stream."""
    numbers = iter(range(int(trades)) if trades else count())
    async with bethna.full(symbol) as desk, desk.trades.events(symbol) as events:
        async for event in events:
            if not isinstance(event, bethna.CertifiedTrade):
                print(event)  # a gap and its fate, a connection that broke or came back
                continue
            if next(numbers, None) is None:
                break
            print(
                f"{event.trade_id}  {event.side:4}  {event.quantity} at {event.price}  {event.coverage.state}"
            )


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
