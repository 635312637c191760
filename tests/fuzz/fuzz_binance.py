"""Any bytes into the Binance codec give events or WireError, nothing else (`make fuzz`; not collected by pytest).

The first byte chooses the door: a socket message, or a REST answer to one of the paths we ask for. A codec of its own
for each input would hide what one frame leaves behind for the next, so one codec lives through them all.
"""

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["bethna"]):
    from bethna.core.errors import VenueAnswer, WireError
    from bethna.venues.binance import BinanceCodec

PATHS = (
    "/api/v3/depth?symbol=BTCUSDT&limit=1000",
    "/api/v3/aggTrades?symbol=BTCUSDT&fromId=1",
    "/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1",
    "/api/v3/klines?symbol=BTCUSDT&interval=5m",
    "/api/v3/exchangeInfo",
    "/api/v3/time",
    "/api/v3/nothing-we-know",
)
BIDS = b'[["61000.01000000","0.50000000"],["60999.00000000","1.00000000"]]'
ASKS = b'[["61000.02000000","0.50000000"],["61001.00000000","0.00000000"]]'
PAYLOADS = (
    b'{"e":"trade","E":1723100000000,"s":"BTCUSDT","t":12345,"p":"61000.01","q":"0.001","T":1723100000000,"m":true}',
    b'{"e":"aggTrade","E":1723100000000,"s":"BTCUSDT","a":1,"p":"1.0","q":"1.0","f":1,"l":2,"T":1723100000000,"m":false}',
    b'{"u":400900217,"s":"BTCUSDT","b":"61000.0","B":"31.2","a":"61000.1","A":"40.6"}',
    b'{"e":"depthUpdate","E":1723100000000,"s":"BTCUSDT","U":157,"u":160,"b":%b,"a":%b}' % (BIDS, ASKS),
    b'{"e":"24hrMiniTicker","E":1723100000000,"s":"BTCUSDT","c":"1","o":"1","h":"1","l":"1","v":"1","q":"1"}',
    b'{"lastUpdateId":160,"bids":%b,"asks":%b}' % (BIDS, ASKS),
)
CATALOGUE = json.dumps(
    {
        "timezone": "UTC",
        "serverTime": 1723100000000,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}
        ],
        "symbols": [
            {
                "symbol": "BTCUSDT",
                "status": "TRADING",
                "baseAsset": "BTC",
                "quoteAsset": "USDT",
                "filters": [
                    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01000000"},
                    {"filterType": "LOT_SIZE", "minQty": "0.00001", "stepSize": "0.00001000"},
                ],
            }
        ],
    }
).encode()
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1 << 63,
        1 << 70,
        1e400,
        -1e-400,
        0.1,
        "",
        "0",
        "-1",
        "NaN",
        "Infinity",
        "1e999",
        "0x10",
    ),
    *(
        "\u0661",
        "btcusdt",
        "BTCUSDT",
        "A" * 200,
        "1" * 400,
        [],
        {},
        [[]],
        [["1", "1"]] * 3,
        [["1"]],
        {"e": "trade"},
    ),
)
SEEDS = (
    *(b"\x00" + payload for payload in PAYLOADS),
    *(b'\x00{"stream":"btcusdt@trade","data":' + payload + b"}" for payload in PAYLOADS),
    b'\x00{"result":null,"id":1}',
    b'\x00{"error":{"code":2,"msg":"Invalid request"},"id":1}',
    b'\x00{"code":-1121,"msg":"Invalid symbol."}',
    b'\x00{"e":"serverShutdown","E":1723100000000}',
    b"\x01" + PAYLOADS[-1],
    b'\x02[{"a":1,"p":"1.0","q":"1.0","f":1,"l":2,"T":1723100000000,"m":false,"M":true}]',
    b'\x04[[1723100000000,"1","2","0.5","1","10",1723100299999,"10",3,"5","5","0"]]',
    b"\x05" + CATALOGUE,
    b'\x06{"serverTime":1723100000000}',
)

codec = BinanceCodec()


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def mutate(raw: bytes, longest: int, seed: int) -> bytes:
    """Half the time a change that leaves JSON well-formed, which bytes at random seldom do."""
    rng = random.Random(seed)
    try:
        value = json.loads(raw[1:]) if rng.random() < 0.5 else None
    except ValueError:
        value = None
    spots = list(places(value))
    if not spots:
        mutated: bytes = atheris.Mutate(raw, longest)
        return mutated
    container, key = rng.choice(spots)
    kind = rng.randrange(3)
    if kind == 0:
        container[key] = rng.choice(ODD)
    elif kind == 1:
        other, other_key = rng.choice(spots)
        container[key] = json.loads(json.dumps(other[other_key]))
    elif isinstance(container, dict):
        container[rng.choice("estTpqbBaAuUEmMcohlv")] = container.pop(key)
    else:
        del container[key]
    return (raw[:1] + json.dumps(value, separators=(",", ":")).encode())[:longest]


def one_input(raw: bytes) -> None:
    door, message = raw[:1] or b"\x00", raw[1:]
    try:
        if door == b"\x00":
            codec.decode(message, 0)
        else:
            codec.decode_http(PATHS[(door[0] - 1) % len(PATHS)], message, 0)
    except (WireError, VenueAnswer):
        pass


def main() -> None:
    for number, seed in enumerate(SEEDS):
        one_input(seed)
        Path(sys.argv[1], f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
