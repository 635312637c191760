"""Any bytes into Coinbase's codecs give sound facts or WireError, nothing else (`make fuzz`; not collected by pytest).

    make fuzz VENUE=coinbase ARGS="--seconds 600"

The first byte chooses the door: a socket of Exchange, one of Advanced Trade, a REST answer to one of the paths we ask
for, or to a path of its own. What a socket hears is several messages, one a line, since what one frame leaves behind
for the next is what there is to find: a book that was declared doubtful has no change until its next snapshot.
"""

from typing import Any

import atheris
from fuzz.harness import ODD, Fuzzer, written

with atheris.instrument_imports(include=["bethna"]):
    from sound_facts import Answerer, Event, assert_sound
    from sound_facts import hear as hear_all

    from bethna.core.market import UNNUMBERED, BookDelta, BookSnapshot, Trade
    from bethna.venues.coinbase import AdvancedCodec, ExchangeCodec

ROOT = "/api/v3/brokerage"
EXCHANGE_PATHS = (
    "/products",
    "/products/BTC-USD/book?level=2",
    "/products/BTC-USD/trades?limit=5",
    "/products/BTC-USD/candles?granularity=60&start=2026-09-30T00:00:00Z",
    "/time",
)
ADVANCED_PATHS = (
    f"{ROOT}/market/products",
    f"{ROOT}/market/product_book?product_id=BTC-USD&limit=5",
    f"{ROOT}/market/products/BTC-USD/ticker?limit=5",
    f"{ROOT}/market/products/BTC-USD/candles?granularity=ONE_DAY&start=5",
    f"{ROOT}/time",
)
EXCHANGE, ADVANCED, FIRST_PATH = 0, 1, 2
TIME = "2026-09-30T02:03:13.763929Z"
SNAPSHOT = {
    "type": "snapshot",
    "product_id": "BTC-USD",
    "bids": [["83404.00", "0.7"]],
    "asks": [["83405.00", "0.5"]],
}
UPDATE = {
    "type": "l2update",
    "product_id": "BTC-USD",
    "changes": [["buy", "83404.00", "0.00000000"]],
    "time": TIME,
}
MATCH = {
    "type": "match", "trade_id": 12, "side": "sell", "size": "0.00005934", "price": "83420.99",
    "product_id": "BTC-USD", "sequence": 5, "time": TIME,
}  # fmt: skip
TICKER = {
    "type": "ticker", "product_id": "BTC-USD", "price": "14.7775", "open_24h": "14.6", "volume_24h": "9",
    "low_24h": "1", "high_24h": "16", "best_bid": "14.7", "best_bid_size": "1", "best_ask": "14.8",
    "best_ask_size": "2", "time": TIME, "trade_id": 12,
}  # fmt: skip
ON_EXCHANGE: tuple[dict[str, Any], ...] = (
    SNAPSHOT,
    UPDATE,
    MATCH,
    {**MATCH, "type": "last_match"},
    {"type": "heartbeat", "last_trade_id": 12, "product_id": "BTC-USD", "time": TIME},
    TICKER,
    {"type": "subscriptions", "channels": [{"name": "level2_50", "product_ids": ["BTC-USD"]}]},
    {"type": "error", "message": "Failed to subscribe", "reason": "FOO-USD is not a valid product"},
)


def enveloped(channel: str, number: int, *events: object) -> dict[str, Any]:
    return {"channel": channel, "timestamp": TIME, "sequence_num": number, "events": list(events)}


LEVELS = [
    {"side": "bid", "price_level": "83277.25", "new_quantity": "0.5"},
    {"side": "offer", "price_level": "83277.26", "new_quantity": "0.25"},
]
TRADE_ROW = {
    "product_id": "BTC-USD", "trade_id": "12", "price": "83320.66", "size": "0.004", "time": TIME, "side": "SELL",
}  # fmt: skip
TICKER_ROW = {
    "product_id": "BTC-USD", "price": "2", "volume_24_h": "1", "low_24_h": "1", "high_24_h": "3",
    "price_percent_chg_24_h": "-4.15", "best_bid": "1", "best_bid_quantity": "8", "best_ask": "3",
    "best_ask_quantity": "4",
}  # fmt: skip
CANDLE_ROW = {"start": "1688998200", "high": "4", "low": "1", "open": "2", "close": "3", "volume": "5"}
ON_ADVANCED: tuple[dict[str, Any], ...] = (
    enveloped("l2_data", 0, {"type": "snapshot", "product_id": "BTC-USD", "updates": LEVELS}),
    enveloped("l2_data", 1, {"type": "update", "product_id": "BTC-USD", "updates": LEVELS}),
    enveloped("market_trades", 2, {"type": "update", "trades": [TRADE_ROW]}),
    enveloped("ticker", 3, {"type": "snapshot", "tickers": [TICKER_ROW]}),
    enveloped("candles", 4, {"type": "snapshot", "candles": [{**CANDLE_ROW, "product_id": "BTC-USD"}]}),
    enveloped("heartbeats", 5),
    enveloped("subscriptions", 6, {"subscriptions": {"level2": ["BTC-USD"], "heartbeats": ["heartbeats"]}}),
    {"type": "error", "message": "authentication failure"},
)
REST_TRADE = {"trade_id": 12, "side": "sell", "size": "1", "price": "2", "time": TIME}
BODIES: tuple[object, ...] = (
    [{"id": "BTC-USD", "quote_increment": "0.01", "base_increment": "0.00000001", "status": "online"}],
    {"bids": [["1", "35", 1]], "asks": [["2", "4", 4]], "sequence": 4},
    [REST_TRADE],
    [[1790733600, 1, 4, 2, 3, 5.5]],
    {"iso": TIME, "epoch": 1.5},
    {
        "products": [
            {"product_id": "BTC-USDC", "status": "online", "price_increment": "0.01", "alias": "BTC-USD"}
        ]
    },
    {"pricebook": {"product_id": "BTC-USD", "bids": [{"price": "1", "size": "2"}], "asks": [], "time": TIME}},
    {"trades": [TRADE_ROW]},
    {"candles": [CANDLE_ROW]},
    {"iso": TIME, "epochMillis": "1790733793822"},
)
SEEDS = (
    *(bytes([EXCHANGE]) + written(said) for said in ON_EXCHANGE),
    bytes([EXCHANGE]) + b"\n".join(map(written, ON_EXCHANGE)),
    *(bytes([ADVANCED]) + written(said) for said in ON_ADVANCED),
    bytes([ADVANCED]) + b"\n".join(map(written, ON_ADVANCED)),
    *(bytes([FIRST_PATH + at]) + written(body) for at, body in enumerate(BODIES)),
    bytes([FIRST_PATH]) + b'{"message":"NotFound"}',
    b"\xff/products/BTC-USD/book?level=2\n" + written(BODIES[1]),
)
WORDS: tuple[Any, ...] = (
    *("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", TIME, "BTC-USD", "ETH-USD", "btc-usd", "BTC-PERP-INTX"),
    *(["BTC-USD"], "snapshot", "update", "buy", "offer", "l2_data", "l2update", "match", "error"),
)
KEYS = ("type", "channel", "events", *UPDATE, *MATCH, *TICKER, *LEVELS[0], *TICKER_ROW, *CANDLE_ROW)
NOW = 1_800_000_000_000_000_000


def promise(event: Event) -> None:
    """Sound; books have no numbers here, their snapshots no empty level, and every time is after 1970 began."""
    assert_sound(event, unnumbered=(BookDelta, BookSnapshot))
    match event:
        case Trade():
            assert event.ts_event > 0, event
        case BookDelta():
            assert event.first_id == event.last_id == UNNUMBERED, event
            assert event.ts_event > 0, event
        case BookSnapshot():
            assert all(quantity > 0 for _, quantity in (*event.bids, *event.asks)), event
        case _:
            pass


def hear(door: int, message: bytes) -> None:
    codec = ExchangeCodec() if door == EXCHANGE else AdvancedCodec()
    hear_all(codec.connection(1), message.split(b"\n"), NOW, promise)


def answerer(path: str) -> Answerer:
    return AdvancedCodec() if path.startswith(ROOT) else ExchangeCodec()


if __name__ == "__main__":
    Fuzzer(
        hear,
        answerer,
        promise,
        first_path=FIRST_PATH,
        paths=EXCHANGE_PATHS + ADVANCED_PATHS,
        seeds=SEEDS,
        odd=(*ODD, *WORDS),
        keys=KEYS,
        now=NOW,
        conversations={
            EXCHANGE: tuple(map(written, ON_EXCHANGE)),
            ADVANCED: tuple(map(written, ON_ADVANCED)),
        },
        number="sequence_num",
    ).run()
