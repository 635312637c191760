"""Any bytes into the Binance codec give sound facts or WireError, nothing else (`make fuzz`; not collected by pytest).

    make fuzz VENUE=binance ARGS="--seconds 600"

The first byte chooses the door: a socket message, a REST answer to one of the paths we ask for, or to a path of its
own. One codec lives through all inputs, and it must say of every message what a fresh codec says.
"""

import json
from typing import Any

import atheris
from fuzz.harness import ODD, Fuzzer, told_alike

with atheris.instrument_imports(include=["bethna"]):
    from sound_facts import MAX_INT, Event, assert_sound

    from bethna.core.market import BookDelta, Ticker, Trade
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
WORDS: tuple[Any, ...] = (
    *(
        "btcusdt",
        "BTCUSDT",
        "ETHBTC",
        *([["1", "1"]] * 3,),
        {"e": "trade"},
        "trade",
        "aggTrade",
        "bookTicker",
    ),
    *("24hrTicker", "24hrMiniTicker", "kline"),
)
NOW = 1_723_100_000_000_000_000
seasoned = BinanceCodec()


def promise(event: Event) -> None:
    """Sound, with a number for all that has one here, and a day that always says where it began."""
    assert_sound(event)
    match event:
        case Trade():
            assert event.trade_id <= MAX_INT >= event.ts_event, event
        case BookDelta():
            assert event.last_id <= MAX_INT >= event.ts_event, event
        case Ticker(open=opened, high=high, low=low, volume=volume):
            assert None not in (opened, high, low, volume), event
        case _:
            pass


def hear(_: int, message: bytes) -> None:
    told_alike(seasoned, BinanceCodec(), message, NOW, promise)


if __name__ == "__main__":
    Fuzzer(
        hear,
        lambda _: seasoned,
        promise,
        first_path=1,
        paths=PATHS,
        seeds=SEEDS,
        odd=(*ODD, *WORDS),
        keys="estTpqbBaAuUEmMcohlv",
        now=NOW,
    ).run()
