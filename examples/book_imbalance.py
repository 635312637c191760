"""How lopsided the top of a book is: +1 is all bids, -1 all asks. Said only of a book that can be trusted.

    .venv/bin/python examples/book_imbalance.py                  ETH-USDT, ten levels a side, until Ctrl-C
    .venv/bin/python examples/book_imbalance.py BTC-USDT 5 4     five levels, four lines, then end

Opens a desk of its own. When the live market cannot be reached it is simulated, and a warning says so.
"""

import asyncio
import sys
from itertools import count

import bethna


async def main(symbol: str = "ETH-USDT", depth: str = "10", lines: str = "") -> None:
    """Print the imbalance as the book changes."""
    numbers = iter(range(int(lines)) if lines else count())
    async with bethna.full(symbol) as desk, desk.books.stream(symbol, depth=int(depth)) as books:
        async for book in books:
            if book.trust != "trusted":
                print(f"{symbol} book is {book.trust}")
                continue
            if next(numbers, None) is None:
                break
            bids, asks = (sum(quantity for _, quantity in side) for side in (book.bids, book.asks))
            imbalance = (bids - asks) / (bids + asks)
            print(f"{symbol} {book.best_bid} / {book.best_ask}  imbalance {imbalance:+.3f}")


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
