"""Fuzz target of the Deribit codec: whatever bytes come in, sound facts or WireError come out, nothing else.

    python tests/fuzz/fuzz_deribit_codec.py [CORPUS] -max_total_time=600

Input: the first byte chooses a door (a socket message, or an answer to one of the paths we ask for). One codec lives
through all inputs, since a codec of its own for each would hide what one frame leaves behind for the next; and it must
say of every message what a fresh codec says.
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
    from bethna.core.market import (
        BookDelta,
        BookSnapshot,
        IndexPrice,
        Quote,
        Ticker,
        Trade,
        Valuation,
        VenueCandle,
    )
    from bethna.core.wire import RestEvent, WireEvent
    from bethna.venues.deribit import DeribitCodec

ROOT = "/api/v2/public/"
PATHS = (
    f"{ROOT}get_order_book?instrument_name=BTC-PERPETUAL&depth=1000",
    f"{ROOT}get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL&start_seq=1&count=10&sorting=asc",
    f"{ROOT}get_tradingview_chart_data?instrument_name=BTC-PERPETUAL&resolution=1",
    f"{ROOT}get_instruments?currency=any&expired=false",
    f"{ROOT}get_time",
    f"{ROOT}nothing-we-know",
)
T = 1789344933994
NAME = "BTC-PERPETUAL"
OPTION = "BTC-25DEC26-76000-C"
TRADE = {
    "timestamp": T, "price": 76917.5, "amount": 8450.0, "direction": "buy", "instrument_name": NAME,
    "trade_seq": 140284854, "trade_id": "267258393",
}  # fmt: skip
BOOK = {
    "timestamp": T, "type": "change", "change_id": 118850980778, "instrument_name": OPTION,
    "bids": [["new", 0.0055, 41.0]], "asks": [["delete", 0.0075, 0.0]], "prev_change_id": 118850965713,
}  # fmt: skip
WHOLE = {
    "timestamp": T, "type": "snapshot", "change_id": 118850965713, "instrument_name": OPTION,
    "bids": [["new", 0.0065, 10.0]], "asks": [["new", 0.0075, 10.0]],
}  # fmt: skip
TOP = {"timestamp": T, "instrument_name": NAME, "change_id": 5, "bids": [[1.0, 2.0]], "asks": [[3.0, 4.0]]}
TICKER = {
    "timestamp": T, "state": "open", "stats": {"high": None, "low": None, "price_change": None, "volume": 0.0},
    "greeks": {"delta": 0.7, "gamma": 2.0e-5, "vega": 132.3, "theta": -29.4, "rho": 121.3}, "index_price": 83250.78,
    "instrument_name": OPTION, "last_price": 0.133, "open_interest": 480.6, "mark_price": 0.1296, "mark_iv": 38.25,
    "bid_iv": 35.6, "ask_iv": 40.38, "best_ask_price": 0.133, "best_bid_price": 0.1255, "best_ask_amount": 29.3,
    "best_bid_amount": 29.3, "underlying_price": 84222.23, "underlying_index": "BTC-25DEC26",
}  # fmt: skip
QUOTE = {
    "timestamp": T, "instrument_name": NAME, "best_bid_price": 1.0, "best_bid_amount": 2.0, "best_ask_price": 3.0,
    "best_ask_amount": None,
}  # fmt: skip
MARK = {"timestamp": T, "mark_price": 0.0333, "iv": 0.9, "instrument_name": OPTION}
CANDLE = {"tick": T, "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.0, "volume": 0.1, "cost": 40.0}
CHANNELS: dict[str, Any] = {
    f"trades.{NAME}.100ms": [TRADE],
    "trades.any.BTC.100ms": [TRADE, {**TRADE, "instrument_name": "BTC-CS-1"}],
    f"book.{OPTION}.100ms": BOOK,
    f"book.{OPTION}.raw": WHOLE,
    f"book.{NAME}.none.10.100ms": TOP,
    f"ticker.{OPTION}.100ms": TICKER,
    f"quote.{NAME}": QUOTE,
    "deribit_price_index.btc_usd": {"timestamp": T, "price": 6521.17, "index_name": "btc_usd"},
    "deribit_volatility_index.btc_usd": {"timestamp": T, "volatility": 129.36, "index_name": "btc_usd"},
    "markprice.options.btc_usd": [MARK],
    f"chart.trades.{NAME}.1": CANDLE,
    "platform_state": {"maintenance": True},
    "instrument.state.option.BTC": {"timestamp": T, "state": "created", "instrument_name": OPTION},
}
ROW = {
    "kind": "option", "instrument_name": OPTION, "instrument_type": "reversed", "is_active": True, "contract_size": 1.0,
    "expiration_timestamp": 1789459200000, "tick_size": 0.0001, "strike": 77000.0, "min_trade_amount": 0.1,
    "settlement_currency": "BTC", "price_index": "btc_usd", "state": "open",
}  # fmt: skip
COLUMNS = {
    "ticks": [T],
    "open": [1.0],
    "high": [1.0],
    "low": [1.0],
    "close": [1.0],
    "volume": [1.0],
    "cost": [1.0],
}
ANSWERS: tuple[object, ...] = (
    TOP,
    {"trades": [TRADE], "has_more": False},
    {"status": "ok", **COLUMNS},
    [ROW, {"kind": "option_combo", "instrument_name": "BTC-CS-1"}],
    T,
)
CONTROL: tuple[object, ...] = (
    {"jsonrpc": "2.0", "id": 5, "result": ["platform_state"], "usIn": 1, "usOut": 2},
    {"jsonrpc": "2.0", "id": "set_heartbeat", "result": "ok"},
    {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {"code": -32602, "data": {"reason": "r", "param": "p"}, "message": "m"},
    },
    {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {"code": 10028, "message": "too_many_requests"},
        "usOut": 1789344931553548,
    },
    {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}},
)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def notification(channel: str, data: object) -> bytes:
    params = {"channel": channel, "data": data}
    return compact({"jsonrpc": "2.0", "method": "subscription", "params": params})


SEEDS = (
    *(b"\x00" + notification(channel, data) for channel, data in CHANNELS.items()),
    *(b"\x00" + compact(each) for each in CONTROL),
    *(bytes([door]) + compact({"result": each}) for door, each in enumerate(ANSWERS, 1)),
    b"\x01" + compact(CONTROL[2]),
)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63 - 1, 1 << 63, 1 << 70, 1e400, -1e-400, 0.1, "", "0", "NaN", "\ud800", "\u0661"),
    *(NAME, OPTION, "BTC_USDC", "BTC-CS-1", "A" * 200, [], {}, [[]], ["new", 1.0, 1.0], ["delete", 1.0, 0.0]),
    *("new", "change", "delete", "snapshot", "subscription", "heartbeat", "ok", 10028, 10040, *CHANNELS),
)  # fmt: skip
KEYS = ("method", "params", "channel", "data", "id", "result", "error", *TRADE, *BOOK, *TICKER, *ROW)

NOW = 1_789_400_000_000_000_000
MAX_INT = 2**63 - 1
seasoned = DeribitCodec()


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
        assert all(math.isfinite(n) and n >= -MAX_INT - 1 for n in numbers_of(row) if isinstance(n, int)), row
        match event:
            case Trade():
                assert event.price > 0 <= event.quantity, row
                assert 0 <= event.trade_id <= MAX_INT >= event.ts_event >= 0, row
            case Quote():
                assert min(event.bid, event.ask, event.bid_quantity, event.ask_quantity) > 0, row
            case BookDelta():
                assert 1 < event.first_id <= event.last_id <= MAX_INT, row
                assert all(p > 0 <= q for p, q in (*event.bids, *event.asks)), row
            case BookSnapshot():
                assert [p for p, _ in event.bids] == sorted({p for p, _ in event.bids}, reverse=True), row
                assert [p for p, _ in event.asks] == sorted({p for p, _ in event.asks}), row
            case VenueCandle():
                assert min(event.open, event.high, event.low, event.close) > 0 <= event.volume, row
            case Ticker():
                assert event.last > 0, row
            case IndexPrice():
                assert event.value > 0, row
            case Valuation():
                assert event.mark_price >= 0, row
                assert all(
                    each is None or each > 0 for each in (event.mark_iv, event.bid_iv, event.ask_iv)
                ), row
            case _:
                pass


def outcome(codec: DeribitCodec, message: bytes) -> list[WireEvent] | None:
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
        if outcome(DeribitCodec(), message) != events and says_it_once(message):
            raise AssertionError(f"what the codec had seen before changed what it said: {events}")
        return
    with suppress(WireError, VenueAnswer):
        check(seasoned.decode_http(PATHS[(door[0] - 1) % len(PATHS)], message, NOW))


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
        raw = rng.choice(SEEDS)
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
