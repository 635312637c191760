"""Any bytes into the Binance codec give sound facts or WireError, nothing else (`make fuzz`; not collected by pytest).

    python tests/fuzz/fuzz_binance_codec.py [CORPUS] -max_total_time=600

The first byte chooses the door: a socket message, a REST answer to one of the paths we ask for, or to a path of its
own. One codec lives through all inputs, since a codec of its own for each would hide what one frame leaves behind for
the next; and it must say of every message what a fresh codec says.
"""

import copy
import json
import math
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["bethna"]):
    from bethna.api.decoded import describe
    from bethna.core.errors import VenueAnswer, WireError
    from bethna.core.market import BookDelta, BookSnapshot, Quote, Ticker, Trade, VenueCandle
    from bethna.core.wire import RestEvent, WireEvent
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
OWN_PATH = 0xFF
BIDS = b'[["61000.01000000","0.50000000"],["60999.00000000","1.00000000"]]'
ASKS = b'[["61000.02000000","0.50000000"],["61001.00000000","0.00000000"]]'
DAY = b'"E":1723100000000,"s":"BTCUSDT","c":"1","o":"1","h":"1","l":"1","v":"1","q":"1"'
PAYLOADS = {
    "trade": b'{"e":"trade","E":1723100000000,"s":"BTCUSDT","t":12345,"p":"61000.01","q":"0.001","T":1723100000000,'
    b'"m":true}',
    "aggTrade": b'{"e":"aggTrade","E":1723100000000,"s":"BTCUSDT","a":1,"p":"1.0","q":"1.0","f":1,"l":2,'
    b'"T":1723100000000,"m":false}',
    "bookTicker": b'{"u":400900217,"s":"BTCUSDT","b":"61000.0","B":"31.2","a":"61000.1","A":"40.6"}',
    "depth@100ms": b'{"e":"depthUpdate","E":1723100000000,"s":"BTCUSDT","U":157,"u":160,"b":%b,"a":%b}'
    % (BIDS, ASKS),
    "miniTicker": b'{"e":"24hrMiniTicker",%b}' % DAY,
    "ticker": b'{"e":"24hrTicker",%b,"P":"0.5","b":"1","a":"2","n":7}' % DAY,
    "kline_1m": b'{"e":"kline","E":1723100000000,"s":"BTCUSDT","k":{"t":1723100000000,"i":"1m","f":1,"L":2,"o":"1",'
    b'"c":"1","h":"1","l":"1","v":"1","n":2,"x":false}}',
    "depth20": b'{"lastUpdateId":160,"bids":%b,"asks":%b}' % (BIDS, ASKS),
}
SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "stepSize": "0.00001000"},
    ],
}
LIMIT = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}
CATALOGUE = json.dumps({"rateLimits": [LIMIT], "symbols": [SYMBOL]}).encode()
COMBINED = tuple(
    b'{"stream":"btcusdt@%b","data":%b}' % (name.encode(), load) for name, load in PAYLOADS.items()
)
SEEDS = (
    *(b"\x00" + payload for payload in PAYLOADS.values()),
    *(b"\x00" + frame for frame in COMBINED),
    b"\x00[%b,%b]" % (PAYLOADS["ticker"], PAYLOADS["miniTicker"]),
    b'\x00{"stream":"!miniTicker@arr","data":[%b]}' % PAYLOADS["miniTicker"],
    b'\x00{"result":null,"id":1}',
    b'\x00{"result":["btcusdt@trade"],"id":"x"}',
    b'\x00{"error":{"code":2,"msg":"Invalid request"},"id":1}',
    b'\x00{"code":-1121,"msg":"Invalid symbol."}',
    b'\x00{"e":"serverShutdown","E":1723100000000}',
    b"\x01" + PAYLOADS["depth20"],
    b'\x02[{"a":1,"p":"1.0","q":"1.0","f":1,"l":2,"T":1723100000000,"m":false,"M":true}]',
    b'\x03[{"id":1,"price":"1.0","qty":"1.0","time":1723100000000,"isBuyerMaker":false}]',
    b'\x04[[1723100000000,"1","2","0.5","1","10",1723100299999,"10",3,"5","5","0"]]',
    b"\x05" + CATALOGUE,
    b'\x06{"serverTime":1723100000000}',
    b"\xff/api/v3/depth?symbol=BTCUSDT&limit=5\n" + PAYLOADS["depth20"],
)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63 - 1, 1 << 63, 1 << 70, 1e400, -1e-400, 0.1, "", "0", "-1", "NaN", "Infinity", "1e999"),
    *("0x10", "\u0661", "\u00df@", "btcusdt", "BTCUSDT", "ETHBTC", "A" * 200, "1" * 400, [], {}, [[]], [["1"]]),
    *([["1", "1"]] * 3, {"e": "trade"}, "trade", "aggTrade", "bookTicker", "24hrTicker", "24hrMiniTicker", "kline"),
)  # fmt: skip

NOW = 1_723_100_000_000_000_000
MAX_INT = 2**63 - 1
seasoned = BinanceCodec()


# --- what an outcome must be


def numbers_of(value: object) -> Iterator[float | int]:
    """Every number of a JSON-ready object."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers_of(each)
    elif isinstance(value, float | int) and not isinstance(value, bool):
        yield value


def check(events: Sequence[WireEvent | RestEvent]) -> None:
    for event in events:
        row = describe(event)
        json.dumps(row, allow_nan=False)
        assert all(math.isfinite(n) and n >= -MAX_INT - 1 for n in numbers_of(row)), row
        match event:
            case Trade():
                assert event.price > 0 <= event.quantity, row
                assert event.count > 0 <= event.trade_id <= MAX_INT, row
                assert 0 <= event.ts_event <= MAX_INT, row
            case Quote():
                assert min(event.bid, event.ask) > 0 <= min(event.bid_quantity, event.ask_quantity), row
            case BookDelta():
                assert 0 <= event.first_id <= event.last_id <= MAX_INT >= event.ts_event, row
                assert all(p > 0 <= q for p, q in (*event.bids, *event.asks)), row
            case BookSnapshot():
                assert [p for p, _ in event.bids] == sorted({p for p, _ in event.bids}, reverse=True), row
                assert [p for p, _ in event.asks] == sorted({p for p, _ in event.asks}), row
            case VenueCandle() | Ticker():
                assert min(event.open, event.high, event.low) > 0 <= event.volume, row
            case _:
                pass


def outcome(codec: BinanceCodec, message: bytes) -> list[WireEvent] | None:
    try:
        return list(codec.decode(message, NOW))
    except WireError:
        return None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def says_it_once(message: bytes) -> bool:
    """Whether no key stands twice in one object; where one does, JSON leaves the meaning open."""
    try:
        json.loads(message, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return False
    return True


def one_input(raw: bytes) -> None:
    door, message = raw[:1] or b"\x00", raw[1:]
    if door == b"\x00":
        events = outcome(seasoned, message)
        check(events or ())
        if outcome(BinanceCodec(), message) != events and says_it_once(message):
            raise AssertionError(f"what the codec had seen before changed what it said: {events}")
        return
    path = PATHS[(door[0] - 1) % len(PATHS)]
    if door[0] == OWN_PATH:
        head, _, message = message.partition(b"\n")
        path = head.decode("utf-8", "replace")
    with suppress(WireError, VenueAnswer):
        check(seasoned.decode_http(path, message, NOW))


# --- where inputs come from


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value, however deep it is."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    for each in waiting:
        keys = each if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        found += [(each, key) for key in keys]
        waiting += [each[key] for key in keys]
    return found


def mutate(raw: bytes, longest: int, seed: int) -> bytes:
    """Half the time changes that leave JSON well-formed, which bytes at random seldom do.

    A part of them starts from a seed again: the corpus forgets a spelling that reaches no new line of Python, and what
    msgspec does with it cannot be seen.
    """
    rng = random.Random(seed)
    if rng.random() < 0.5:
        mutated: bytes = atheris.Mutate(raw, longest)
        return mutated
    if rng.random() < 0.3:
        raw = rng.choice(SEEDS)
    try:
        value = json.loads(raw[1:])
    except (ValueError, RecursionError):
        raw = rng.choice(SEEDS[:-1])
        value = json.loads(raw[1:])
    separators = (",", ":") if rng.random() < 0.8 else (", ", " : ")
    try:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            change(value, rng)
        return (raw[:1] + json.dumps(value, separators=separators).encode())[:longest]
    except RecursionError:  # what the standard library cannot write is left to the changes of bytes
        return raw[:longest]


def change(value: Any, rng: random.Random) -> None:
    """One change of one place: another value, another place's value, another key, or gone."""
    spots = places(value)
    if not spots:
        return
    container, key = rng.choice(spots)
    kind = rng.randrange(4)
    if kind == 0:
        container[key] = copy.deepcopy(rng.choice(ODD))
    elif kind == 1:
        other, other_key = rng.choice(spots)
        container[key] = copy.deepcopy(other[other_key])
    elif isinstance(container, dict):
        if kind == 2:
            container[rng.choice("estTpqbBaAuUEmMcohlv")] = container.pop(key)
        else:
            container[key] = container.pop(key)  # it stands last now
    else:
        del container[key]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bethna-fuzz-") as scratch:
        folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
        corpus = Path(folders[0]) if folders else Path(scratch)
        for number, seed in enumerate(SEEDS):
            one_input(seed)
            if corpus.is_dir():  # not when libFuzzer is to run one kept finding again
                (corpus / f"seed-{number}").write_bytes(seed)
        atheris.Setup([*sys.argv, *(() if folders else (scratch,))], one_input, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
