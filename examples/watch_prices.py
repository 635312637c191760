"""Watch the prices of a running desk over its WebSocket.

    .venv/bin/python examples/watch_prices.py                            the desk at ws://127.0.0.1:8700
    .venv/bin/python examples/watch_prices.py ws://127.0.0.1:8701 10     another desk, ten messages, then end

Needs the `websockets` library, which BethNa brings along. Prices come once a second at the rate `ui`.
"""

import json
import sys
from itertools import count
from typing import Any

from websockets.sync.client import connect


def main(desk: str = "ws://127.0.0.1:8700", messages: str = "") -> None:
    """Print price rows as they change; without a number of messages until the desk ends or Ctrl-C."""
    wanted = range(int(messages)) if messages else count()
    with connect(f"{desk}/ws") as socket:
        socket.send(json.dumps({"op": "subscribe", "topics": ["prices"], "rate": "ui"}))
        for _, text in zip(wanted, socket, strict=False):
            message = json.loads(text)
            if message["type"] == "status":  # refused, or we were too slow
                print(message["data"])
                continue
            for row in message["data"]["prices"]:
                print(line(row))


def line(row: dict[str, Any]) -> str:
    """One row for a person. A missing price is null, never 0."""
    price = "-" if row["price"] is None else row["price"]
    old = f", stale, last heard {row['age_ms'] / 1000:.0f} s ago" if row["stale"] else ""
    return f"{row['instrument']}  {price}  {row['coverage']['state']}{old}"


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
