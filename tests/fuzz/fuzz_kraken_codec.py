"""Any bytes into the Kraken codecs give sound facts or WireError, nothing else (`make fuzz`; not collected by pytest).

    make fuzz VENUE=kraken ARGS="--seconds 600"

The first byte chooses the door: a message of version 2 or of version 1, a REST answer to one of the paths we ask for,
or to a path of its own. One connection of each version lives through all inputs: what it remembers must stay bounded,
and a message that it cannot read must leave its books as they were.
"""

from typing import Any
from zlib import crc32

import atheris
from fuzz.harness import ODD, Fuzzer

with atheris.instrument_imports(include=["bethna"]):
    from sound_facts import Event, assert_sound, outcome

    from bethna.core.market import UNNUMBERED, BookDelta, BookSnapshot, Trade, TradePage
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
V2, V1, FIRST_PATH = 0, 1, 2
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
    *(b'%b{"error":[],"result":%b}' % (bytes([at + FIRST_PATH]), body) for at, body in enumerate(BODIES)),
    b'\x02{"error":["EGeneral:Too many requests"]}',
    b'\xff/0/public/Depth?pair=XBTUSD\n{"error":[],"result":%b}' % BODIES[0],
)
WORDS: tuple[Any, ...] = (
    *("btc/usd", "BTC/USD", "XBT/USD", "ETH/XBT", "AAPLx/USD", "book", "book-1000", "snapshot", "update", "subscribe"),
    *([["1.5", "2.0", "1618678142.5"]] * 3, [{"price": 1, "qty": 1}] * 2),
    *("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2262-04-12T00:00:00Z"),
)  # fmt: skip
KEYS = (
    *("channel", "type", "data", "method", "result", "success", "error", "symbol", "bids", "asks", "price", "qty"),
    *("checksum", "timestamp", "depth", "event", "pair", "status", "a", "b", "c", "as", "bs", "last"),
)  # fmt: skip
NOW = 1_790_000_000_000_000_001
codec = KrakenCodec()
seasoned: dict[int, KrakenConnection | KrakenV1Connection] = {
    V2: codec.connection(1),
    V1: KrakenV1Codec().connection(1),
}


def promise(event: Event) -> None:
    """Sound; books have no numbers here, trades not always, and every time is after 1970 began."""
    assert_sound(event, unnumbered=(Trade, TradePage, BookDelta, BookSnapshot))
    match event:
        case Trade():
            assert event.ts_event > 0, event
        case BookDelta():
            assert event.first_id == event.last_id == UNNUMBERED, event
            assert event.ts_event > 0, event
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
    events = outcome(connection, message, NOW, promise)
    after = remembered(connection._books)
    assert events is not None or after == before


def hear(door: int, message: bytes) -> None:
    tell(seasoned[door], message)


if __name__ == "__main__":
    Fuzzer(
        hear,
        lambda _: codec,
        promise,
        first_path=FIRST_PATH,
        paths=PATHS,
        seeds=SEEDS,
        odd=(*ODD, *WORDS),
        keys=KEYS,
        now=NOW,
    ).run()
