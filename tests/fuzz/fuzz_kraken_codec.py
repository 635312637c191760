"""Any bytes into the Kraken codecs give sound facts or WireError, nothing else (`make fuzz`; not collected by pytest).

    python tests/fuzz/fuzz_kraken_codec.py [CORPUS] -max_total_time=600

The first byte chooses the door: a message of version 2 or of version 1, a REST answer to one of the paths we ask for,
or to a path of its own. One connection of each version lives through all inputs: what it remembers must stay bounded,
and a message that it cannot read must leave its books as they were.
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
from zlib import crc32

import atheris

with atheris.instrument_imports(include=["bethna"]):
    from bethna.api.decoded import describe
    from bethna.core.errors import VenueAnswer, WireError
    from bethna.core.market import UNNUMBERED, BookDelta, BookSnapshot, Quote, Ticker, Trade, VenueCandle
    from bethna.core.wire import RestEvent, WireEvent
    from bethna.venues.kraken import KrakenCodec, KrakenV1Codec
    from bethna.venues.kraken.books import MOST_LEVELS, Books
    from bethna.venues.kraken.connection import KrakenConnection
    from bethna.venues.kraken.spec import MOST_BOOKS
    from bethna.venues.kraken.v1 import KrakenV1Connection

PATHS = (
    "/0/public/Depth?pair=XBTUSD&count=10",
    "/0/public/Trades?pair=XBTUSD&since=1",
    "/0/public/OHLC?pair=XXBTZUSD&interval=1",
    "/0/public/AssetPairs",
    "/0/public/Time",
    "/0/public/SystemStatus",
    "/0/public/Spread",
)
V2, V1, OWN_PATH = 0, 1, 0xFF
T = b'"timestamp":"2026-08-16T23:37:05.723653Z"'
SNAPSHOT = (
    b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":100.1,"qty":1.00000}],'
    b'"asks":[{"price":101.1,"qty":0.00001}],"checksum":%d,%b}]}' % (crc32(b"101111001100000"), T)
)
PRICES = b'"open":1.5,"high":1.5,"low":1.5,"close":1.5,"volume":1.5,"bid":1.5,"ask":1.5,"last":1.5'
MESSAGES = (
    b'{"channel":"status","type":"update","data":[{"system":"online","connection_id":16174536464690282295}]}',
    b'{"channel":"heartbeat"}',
    b'{"method":"subscribe","result":{"channel":"book","depth":10,"symbol":"BTC/USD"},"success":true,"req_id":1}',
    b'{"method":"unsubscribe","result":{"channel":"book","depth":10,"symbol":"BTC/USD"},"success":true}',
    b'{"method":"subscribe","result":{"channel":"ticker","event_trigger":"bbo","symbol":"BTC/USD"},"success":true}',
    b'{"method":"pong","req_id":101}',
    b'{"error":"Currency pair not supported A/B","method":"subscribe","success":false,"symbol":"A/B"}',
    SNAPSHOT,
    SNAPSHOT.replace(b"snapshot", b"update"),
    b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1.5,"qty":2,"trade_id":7,%b}]}'
    % T,
    b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD",%b,"bid_qty":1,"ask_qty":1,"change_pct":-1.5,%b}]}'
    % (PRICES, T),
    b'{"channel":"ohlc","type":"update","data":[{"symbol":"BTC/USD",%b,"trades":5,"interval":1,'
    b'"interval_begin":"2026-08-16T23:37:00.000000000Z"}]}' % PRICES,
    (b'{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[{"symbol":"BTC/USD","base":"BTC",'
    b'"quote":"USD","status":"online","qty_increment":1e-08,"price_increment":0.1}]}}'),
)  # fmt: skip
ROW = b'["1.5","2.0","1618678142.557535"'
MESSAGES_V1 = (
    b'{"connectionID":18239578009413566319,"event":"systemStatus","status":"online","version":"1.8.3"}',
    b'{"channelID":1,"channelName":"book-10","event":"subscriptionStatus","pair":"XBT/USD","status":"unsubscribed"}',
    b'{"errorMessage":"no","event":"subscriptionStatus","pair":"XBT/USD","status":"error","subscription":{"name":"trade"}}',
    b'{"event":"heartbeat"}',
    b'[1,{"as":[%b]],"bs":[]},"book-10","XBT/USD"]' % ROW,
    b'[1,{"a":[%b,"r"]]},{"b":[],"c":"%d"},"book-10","XBT/USD"]' % (ROW, crc32(b"1520")),
    b'[1,[%b,"s","l",""]],"trade","XBT/USD"]' % ROW,
    b'[1,["1.5","1.6","1618678142.557535","2.0","3.0"],"spread","XBT/USD"]',
    b'[1,["1542057314.7","1542057360.0","1","1","1","1","1","0.5",2],"ohlc-1","XBT/USD"]',
    (b'[1,{"a":["1",1,"1"],"b":["1",1,"1"],"c":["1","1"],"v":["1","1"],"p":["1","1"],"t":[1,1],"l":["1","1"],'
    b'"h":["1","1"],"o":["1","1"]},"ticker","XBT/USD"]'),
)  # fmt: skip
BODIES = (
    b'{"XXBTZUSD":{"asks":[["2.5","1.0",1391825343]],"bids":[["1.5","1.0",1391825340]]}}',
    b'{"XXBTZUSD":[["1.5","2.0",1385579841.7774,"s","l","",5]],"last":"1385579841777400000"}',
    b'{"XXBTZUSD":[[1502445540,"1","1","1","1","1","0.1",3],[1502445600,"1","1","1","1","0.0","0.0",0]],"last":1502445540}',
    b'{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","pair_decimals":1,"lot_decimals":8,"tick_size":"0.1"}}',
    b'{"unixtime":1391835876}',
    b'{"status":"online","timestamp":"2023-07-06T18:52:00Z"}',
    b'{"XXBTZUSD":[],"last":1}',
)  # fmt: skip
SEEDS = (
    *(b"\x00" + message for message in MESSAGES),
    *(b"\x01" + message for message in MESSAGES_V1),
    *(b'%b{"error":[],"result":%b}' % (bytes([at + 2]), body) for at, body in enumerate(BODIES)),
    b'\x02{"error":["EGeneral:Too many requests"]}',
    b'\xff/0/public/Depth?pair=XBTUSD\n{"error":[],"result":%b}' % BODIES[0],
)
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        2**63 - 1,
        1 << 63,
        1 << 70,
        1e400,
        -1e-400,
        1e-320,
        0.1,
        "",
        "0",
        "-1",
        "NaN",
        "Infinity",
    ),
    *(
        "1e999",
        "1_0",
        "\u0661",
        "btc/usd",
        "BTC/USD",
        "XBT/USD",
        "ETH/XBT",
        "AAPLx/USD",
        "A" * 200,
        "1" * 400,
    ),
    *(
        [],
        {},
        [[]],
        [["1"]],
        [["1.5", "2.0", "1618678142.5"]] * 3,
        [{"price": 1, "qty": 1}] * 2,
        "book",
        "book-1000",
    ),
    *(
        "snapshot",
        "update",
        "subscribe",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "2262-04-12T00:00:00Z",
    ),
)
KEYS = (
    *(
        "channel",
        "type",
        "data",
        "method",
        "result",
        "success",
        "error",
        "symbol",
        "bids",
        "asks",
        "price",
        "qty",
    ),
    *("checksum", "timestamp", "depth", "event", "pair", "status", "a", "b", "c", "as", "bs", "last"),
)
NOW = 1_790_000_000_000_000_001
MAX_INT = 2**63 - 1
codec, codec_v1 = KrakenCodec(), KrakenV1Codec()
seasoned, seasoned_v1 = codec.connection(1), codec_v1.connection(1)


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
                assert UNNUMBERED <= event.trade_id <= MAX_INT, row
                assert 0 < event.ts_event <= MAX_INT, row
            case Quote():
                assert min(event.bid, event.ask) > 0 <= min(event.bid_quantity, event.ask_quantity), row
            case BookDelta():
                assert event.first_id == event.last_id == UNNUMBERED, row
                assert 0 < event.ts_event <= MAX_INT, row
                assert all(p > 0 <= q for p, q in (*event.bids, *event.asks)), row
            case BookSnapshot():
                assert [p for p, _ in event.bids] == sorted({p for p, _ in event.bids}, reverse=True), row
                assert [p for p, _ in event.asks] == sorted({p for p, _ in event.asks}), row
            case VenueCandle():
                assert min(event.open, event.high, event.low) > 0 <= event.volume, row
            case Ticker():
                assert event.last > 0, row
            case _:
                pass


def remembered(books: Books) -> dict[str, Any]:
    """What a connection knows of its books, which must be bounded."""
    assert len(books._books) <= MOST_BOOKS >= len(books._depths)
    kept: dict[str, Any] = {}
    for symbol, book in books._books.items():
        if book is None:
            kept[symbol] = None
            continue
        for side in (book.bids, book.asks):
            assert side.prices == sorted(side.pieces)
            assert len(side.prices) <= MOST_LEVELS
            assert all(0 < len(piece) <= 1000 for piece in side.pieces.values())
        kept[symbol] = (dict(book.bids.pieces), dict(book.asks.pieces), book.depth)
    return kept


def tell(connection: KrakenConnection | KrakenV1Connection, message: bytes) -> None:
    before = remembered(connection._books)
    try:
        events = connection.decode(message, NOW)
    except WireError:
        assert remembered(connection._books) == before
    else:
        check(events)
        remembered(connection._books)


def one_input(raw: bytes) -> None:
    door, message = (raw[:1] or b"\x00")[0], raw[1:]
    if door == V2:
        tell(seasoned, message)
        return
    if door == V1:
        tell(seasoned_v1, message)
        return
    path = PATHS[(door - 2) % len(PATHS)]
    if door == OWN_PATH:
        head, _, message = message.partition(b"\n")
        path = head.decode("utf-8", "replace")
    with suppress(WireError, VenueAnswer):
        check(codec.decode_http(path, message, NOW))


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
            container[rng.choice(KEYS)] = container.pop(key)
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
