"""Any bytes into the Deribit codec give sound facts or WireError, nothing else (`make fuzz`; not collected by pytest).

    make fuzz VENUE=deribit ARGS="--seconds 600"

The first byte chooses the door: a socket message, a REST answer to one of the paths we ask for, or to a path of its
own. One codec lives through all inputs, and it must say of every message what a fresh codec says.
"""

from typing import Any

import atheris
from fuzz.harness import ODD, Fuzzer, told_alike, written

with atheris.instrument_imports(include=["bethna"]):
    from sound_facts import Event, assert_sound

    from bethna.core.market import BookDelta, Quote
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


def notification(channel: str, data: object) -> bytes:
    params = {"channel": channel, "data": data}
    return written({"jsonrpc": "2.0", "method": "subscription", "params": params})


SEEDS = (
    *(b"\x00" + notification(channel, data) for channel, data in CHANNELS.items()),
    *(b"\x00" + written(each) for each in CONTROL),
    *(bytes([door]) + written({"result": each}) for door, each in enumerate(ANSWERS, 1)),
    b"\x01" + written(CONTROL[2]),
    b"\xff" + PATHS[0].encode() + b"\n" + written({"result": TOP}),
)
WORDS: tuple[Any, ...] = (
    *(NAME, OPTION, "BTC_USDC", "BTC-CS-1", ["new", 1.0, 1.0], ["delete", 1.0, 0.0], *CHANNELS),
    *("new", "change", "delete", "snapshot", "subscription", "heartbeat", "ok", 10028, 10040),
)
KEYS = ("method", "params", "channel", "data", "id", "result", "error", *TRADE, *BOOK, *TICKER, *ROW)
NOW = 1_789_400_000_000_000_000
seasoned = DeribitCodec()


def promise(event: Event) -> None:
    """Sound; a quote has something on both sides, and a change says what came before it."""
    assert_sound(event)
    match event:
        case Quote():
            assert min(event.bid_quantity, event.ask_quantity) > 0, event
        case BookDelta():
            assert event.first_id > 1, event
        case _:
            pass


def hear(_: int, message: bytes) -> None:
    told_alike(seasoned, DeribitCodec(), message, NOW, promise)


if __name__ == "__main__":
    Fuzzer(
        hear,
        lambda _: seasoned,
        promise,
        first_path=1,
        paths=PATHS,
        seeds=SEEDS,
        odd=(*ODD, *WORDS),
        keys=KEYS,
        now=NOW,
    ).run()
