"""Read a running desk over HTTP, with the standard library alone.

    python3 examples/read_api.py                      the desk at 127.0.0.1:8700
    python3 examples/read_api.py 127.0.0.1:8701       another one

Prints how the desk is, then each instrument's last price, its best bid and ask, and its newest candle.
"""

import json
import sys
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode


def get(desk: HTTPConnection, path: str, **query: object) -> dict[str, Any]:
    """One answer. An error is a status from 400 on and says its code, what is wrong and what to do."""
    desk.request("GET", f"/api/v1/{path}?{urlencode(query)}")
    answer = desk.getresponse()
    body: dict[str, Any] = json.loads(answer.read())
    if "error" in body:
        error = body["error"]
        sys.exit(f"{answer.status} {error['code']}: {error['message']} ({error['hint']})")
    return body


def main(address: str = "127.0.0.1:8700") -> None:
    """Print the desk."""
    desk = HTTPConnection(address, timeout=10)
    health = get(desk, "health")  # 503 when no venue delivers, with the same body
    print(f"{health['status']}, source {health['source']}")
    for row in get(desk, "prices")["prices"]:
        name = row["instrument"]
        print(f"{name}  {row['price']}  coverage {row['coverage']['state']}")
        book = get(desk, f"book/{quote(name)}", depth=1)
        print(
            f"  book {book['trust']}, {book['certified_depth']} levels certified: {book['bids']} {book['asks']}"
        )
        candles = get(desk, "candles", instrument=name, interval="1m", limit=1)["candles"]
        for candle in candles:
            print(f"  minute of {candle['open_time']}: {candle['trades']} trades, {candle['volume']} traded")
    desk.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
