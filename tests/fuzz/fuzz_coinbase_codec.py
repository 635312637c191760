"""Any bytes into Coinbase's codecs give sound facts or WireError, nothing else (`make fuzz`; not collected by pytest).

    python tests/fuzz/fuzz_coinbase_codec.py [CORPUS] -max_total_time=600

The first byte chooses the door: a socket of Exchange, one of Advanced Trade, a REST answer to one of the paths we ask
for, or to a path of its own. What a socket hears is several messages, one a line, since what one frame leaves behind
for the next is what there is to find: a book that was declared doubtful has no change until its next snapshot.
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
    from bethna.core.wire import BookDoubt, RestEvent, WireEvent
    from bethna.venues.coinbase import AdvancedCodec, ExchangeCodec
    from bethna.venues.coinbase.advanced import AdvancedConnection
    from bethna.venues.coinbase.exchange import ExchangeConnection

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
EXCHANGE, ADVANCED, OWN_PATH = 0, 1, 0xFF
FIRST_PATH = 2
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


def written(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


SEEDS = (
    *(bytes([EXCHANGE]) + written(said) for said in ON_EXCHANGE),
    bytes([EXCHANGE]) + b"\n".join(map(written, ON_EXCHANGE)),
    *(bytes([ADVANCED]) + written(said) for said in ON_ADVANCED),
    bytes([ADVANCED]) + b"\n".join(map(written, ON_ADVANCED)),
    *(bytes([FIRST_PATH + at]) + written(body) for at, body in enumerate(BODIES)),
    bytes([FIRST_PATH]) + b'{"message":"NotFound"}',
    b"\xff/products/BTC-USD/book?level=2\n" + written(BODIES[1]),
)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63 - 1, 1 << 63, 1 << 70, 1e400, 0.1, "", "0", "-1", "NaN", "Infinity", "0.-10000"),
    *("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", TIME, "BTC-USD", "ETH-USD", "btc-usd", "BTC-PERP-INTX"),
    *("1e999", "1" * 400, [], {}, [[]], [["1"]], ["BTC-USD"]),
    *("snapshot", "update", "buy", "offer", "l2_data", "l2update", "match", "error"),
)  # fmt: skip

NOW = 1_800_000_000_000_000_000
MAX_INT = 2**63 - 1


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
        fact = describe(event)
        json.dumps(fact, allow_nan=False)
        assert all(math.isfinite(n) and n >= -MAX_INT - 1 for n in numbers_of(fact)), fact
        match event:
            case Trade():
                assert event.price > 0 <= event.quantity, fact
                assert 0 <= event.trade_id <= MAX_INT, fact
                assert 0 < event.ts_event <= MAX_INT, fact
            case Quote():
                assert min(event.bid, event.ask) > 0 <= min(event.bid_quantity, event.ask_quantity), fact
            case BookDelta():
                assert event.first_id == event.last_id == -1, fact
                assert all(p > 0 <= q for p, q in (*event.bids, *event.asks)), fact
                assert 0 < event.ts_event <= MAX_INT, fact
            case BookSnapshot():
                assert [p for p, _ in event.bids] == sorted({p for p, _ in event.bids}, reverse=True), fact
                assert [p for p, _ in event.asks] == sorted({p for p, _ in event.asks}), fact
                assert all(p > 0 < q for p, q in (*event.bids, *event.asks)), fact
            case VenueCandle():
                assert min(event.open, event.high, event.low) > 0 <= event.volume, fact
            case Ticker():
                assert event.last > 0, fact
            case _:
                pass


def hear(connection: ExchangeConnection | AdvancedConnection, messages: Sequence[bytes]) -> None:
    """Sound facts, and no change of a doubtful book."""
    doubtful: set[str] = set()
    for message in messages:
        try:
            events = connection.decode(message, NOW)
        except WireError:
            continue
        check(events)
        for event in events:
            if isinstance(event, BookDoubt):
                assert event.instrument not in doubtful, event
                doubtful.add(event.instrument)
            elif isinstance(event, BookSnapshot):
                doubtful.discard(event.instrument)
            elif isinstance(event, BookDelta):
                assert event.instrument not in doubtful, event


def one_input(raw: bytes) -> None:
    door, message = raw[0] if raw else EXCHANGE, raw[1:]
    if door == EXCHANGE:
        hear(ExchangeCodec().connection(1), message.split(b"\n"))
    elif door == ADVANCED:
        hear(AdvancedCodec().connection(1), message.split(b"\n"))
    else:
        paths = EXCHANGE_PATHS + ADVANCED_PATHS
        path = paths[(door - FIRST_PATH) % len(paths)]
        if door == OWN_PATH:
            head, _, message = message.partition(b"\n")
            path = head.decode("utf-8", "replace")
        codec = AdvancedCodec() if path.startswith(ROOT) else ExchangeCodec()
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
    """Half the time changes that leave JSON well-formed, or that change the order of messages; else of bytes."""
    rng = random.Random(seed)
    if rng.random() < 0.4:
        mutated: bytes = atheris.Mutate(raw, longest)
        return mutated
    if rng.random() < 0.3 or len(raw) < 2:
        raw = rng.choice(SEEDS)
    lines = raw[1:].split(b"\n")
    at = rng.randrange(len(lines))
    if raw[0] in (EXCHANGE, ADVANCED) and rng.random() < 0.4:
        said = written(rng.choice(ON_EXCHANGE if raw[0] == EXCHANGE else ON_ADVANCED))
        lines.insert(at, said if rng.random() < 0.7 else rng.choice(lines))
    try:
        value = json.loads(lines[at])
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            change(value, rng)
        lines[at] = written(value)
    except (ValueError, RecursionError):  # what the standard library cannot read or write is left as it is
        pass
    return (raw[:1] + b"\n".join(lines))[:longest]


def change(value: Any, rng: random.Random) -> None:
    """One change of one place: another value, another place's value, another number, or gone."""
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
    elif kind == 2 and isinstance(value, dict) and "sequence_num" in value:
        value["sequence_num"] = rng.randrange(12)
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
