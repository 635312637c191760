"""Every kind of message that the protocol sheet shows, frame in and fact out, and what is refused and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bethna.core.errors import WireError
from bethna.core.instrument import Contract, Feature, Instrument
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    Greeks,
    IndexPrice,
    InstrumentId,
    Quote,
    Ticker,
    Trade,
    Valuation,
    VenueCandle,
)
from bethna.core.wire import (
    Ack,
    Challenge,
    Refusal,
    ShutdownNotice,
    UnknownMessage,
    VenueCondition,
    WireEvent,
)
from bethna.venues.deribit import SPEC, DeribitCodec

NOW = 1_789_400_000_000_000_001
T = 1789344933994
T_NS = T * 1_000_000
MS_LIMIT = 9_223_372_036_855  # the first millisecond that 64 bits of nanoseconds cannot hold
OPTION = "BTC-25DEC26-76000-C"
OPTION_ID = InstrumentId("BTC-25DEC26-76000-C@deribit")
PERPETUAL_ID = InstrumentId("BTC-PERPETUAL@deribit")

TRADE: dict[str, Any] = {
    "timestamp": T,
    "price": 76917.5,
    "amount": 8450.0,
    "direction": "buy",
    "index_price": 76906.67,
    "instrument_name": "BTC-PERPETUAL",
    "trade_seq": 140284854,
    "mark_price": 76917.12,
    "tick_direction": 0,
    "starbase_match_id": 225046781992378368,
    "trade_id": "267258393",
    "contracts": 845.0,
    "starbase_timestamp": 1789344933994718924,
}
CHANGE: dict[str, Any] = {
    "timestamp": T,
    "type": "change",
    "change_id": 118850980778,
    "instrument_name": OPTION,
    "bids": [["new", 0.0055, 41.0], ["delete", 0.005, 0.0]],
    "asks": [["change", 0.0075, 9.5]],
    "prev_change_id": 118850965713,
}
SNAPSHOT: dict[str, Any] = {
    "timestamp": T,
    "type": "snapshot",
    "change_id": 118850965713,
    "instrument_name": OPTION,
    "bids": [["new", 0.0065, 10.0], ["new", 0.006, 3.0]],
    "asks": [["new", 0.0075, 10.0]],
}
TICKER: dict[str, Any] = {
    "timestamp": T,
    "state": "open",
    "stats": {"high": None, "low": None, "price_change": None, "volume": 0.0, "volume_usd": 0.0},
    "greeks": {"delta": 0.74092, "gamma": 2.0e-5, "vega": 132.3649, "theta": -29.43212, "rho": 121.30652},
    "index_price": 83250.78,
    "instrument_name": OPTION,
    "last_price": 0.133,
    "settlement_price": 0.12972783,
    "min_price": 0.0945,
    "max_price": 0.1705,
    "open_interest": 480.6,
    "mark_price": 0.1296,
    "interest_rate": 0.0,
    "estimated_delivery_price": 83250.78,
    "best_ask_price": 0.133,
    "best_bid_price": 0.1255,
    "mark_iv": 38.25,
    "bid_iv": 35.6,
    "ask_iv": 40.38,
    "underlying_price": 84222.23,
    "underlying_index": "BTC-25DEC26",
    "best_ask_amount": 29.3,
    "best_bid_amount": 28.1,
}
PERPETUAL_TICKER: dict[str, Any] = {
    "timestamp": T,
    "stats": {"volume_usd": 545442610.0, "volume": 17945.19, "price_change": -5.4, "low": 29265.5, "high": 31903.5},
    "state": "open",
    "open_interest": 559791310,
    "mark_price": 29932.79,
    "last_price": 29931.0,
    "instrument_name": "BTC-PERPETUAL",
    "index_price": 29930.44,
    "funding_8h": 0.00000255,
    "current_funding": -0.00001,
    "best_bid_price": 29930.5,
    "best_bid_amount": 149910.0,
    "best_ask_price": 29931.0,
    "best_ask_amount": 62850.0,
}  # fmt: skip


BOOKS: tuple[Feature, ...] = ("books",)
PRICES: tuple[Feature, ...] = ("prices",)
TRADES: tuple[Feature, ...] = ("trades",)
CANDLES: tuple[Feature, ...] = ("candles",)


def frame(channel: str, data: object) -> bytes:
    """As the venue writes it: compact, the channel first."""
    text = json.dumps({"channel": channel, "data": data}, separators=(",", ":"))
    return b'{"jsonrpc":"2.0","method":"subscription","params":%b}' % text.encode()


def decode(raw: bytes | dict[str, Any]) -> Sequence[WireEvent]:
    return (
        DeribitCodec().connection(1).decode(raw if isinstance(raw, bytes) else json.dumps(raw).encode(), NOW)
    )


def one(raw: bytes | dict[str, Any]) -> WireEvent:
    (event,) = decode(raw)
    return event


# --- trades


def test_a_trade_is_of_the_taker_in_the_venues_unit_and_counted_by_its_sequence() -> None:
    expected = Trade(PERPETUAL_ID, 76917.5, 8450.0, "buy", 140284854, T_NS, NOW)
    assert decode(frame("trades.BTC-PERPETUAL.100ms", [TRADE])) == [expected]


def test_an_options_trade_may_say_more_than_we_read() -> None:
    row = {
        **TRADE, "instrument_name": OPTION, "price": 0.133, "amount": 0.1, "direction": "sell", "iv": 38.1,
        "trade_seq": 7, "trade_id": "ETH-12345", "block_trade_id": "BLOCK", "combo_id": "BTC-CS-1", "liquidation": "M",
    }  # fmt: skip
    assert one(frame(f"trades.{OPTION}.100ms", [row])) == Trade(OPTION_ID, 0.133, 0.1, "sell", 7, T_NS, NOW)


def test_trades_that_come_newest_first_leave_oldest_first() -> None:
    rows = [{**TRADE, "trade_seq": seq} for seq in (12, 10, 11)]
    trades = decode(frame("trades.BTC-PERPETUAL.agg2", rows))
    assert [t.trade_id for t in trades if isinstance(t, Trade)] == [10, 11, 12]


def test_trades_of_a_whole_currency_name_their_instruments_and_a_combo_spoils_none() -> None:
    rows = [
        TRADE,
        {**TRADE, "instrument_name": "BTC-CS-28JUN24-90000_95000", "price": -0.0005},
        {**TRADE, "instrument_name": OPTION},
    ]
    *trades, combo = decode(frame("trades.any.BTC.100ms", rows))
    assert [t.instrument for t in trades if isinstance(t, Trade)] == [PERPETUAL_ID, OPTION_ID]
    assert combo == UnknownMessage("trade of an instrument without a name", "BTC-CS-28JUN24-90000_95000")


@pytest.mark.parametrize("channel", ["trades.any.BTC.100ms", "trades.BTC-PERPETUAL.100ms"])
@pytest.mark.parametrize("price", [0.0, -0.5])
def test_what_has_a_name_has_a_price(channel: str, price: float) -> None:
    with pytest.raises(WireError, match=r"above 0|> 0"):
        decode(frame(channel, [{**TRADE, "price": price}]))


def test_no_trades_are_no_facts() -> None:
    assert decode(frame("trades.BTC-PERPETUAL.100ms", [])) == []


# --- books


def test_a_change_covers_the_ids_after_its_predecessor() -> None:
    assert one(frame(f"book.{OPTION}.100ms", CHANGE)) == BookDelta(
        OPTION_ID, 118850965714, 118850980778, [(0.0055, 41.0), (0.005, 0.0)], [(0.0075, 9.5)], T_NS, NOW
    )


def test_a_snapshot_is_the_whole_book_and_proven_to_its_end() -> None:
    assert one(frame(f"book.{OPTION}.100ms", SNAPSHOT)) == BookSnapshot(
        OPTION_ID, 118850965713, [(0.0065, 10.0), (0.006, 3.0)], [(0.0075, 10.0)], NOW, 3, ts_event=T_NS,
        partial=False, epoch=0, proven=None,
    )  # fmt: skip


def test_what_is_deleted_is_gone_whatever_amount_stands_beside_it() -> None:
    both = [["delete", 0.005, 7.0]]
    delta = one(frame(f"book.{OPTION}.100ms", {**CHANGE, "bids": both, "asks": both}))
    assert isinstance(delta, BookDelta)
    assert delta.bids == delta.asks == [(0.005, 0.0)]


@pytest.mark.parametrize("before", [0, None])
def test_a_snapshot_may_say_that_nothing_was_before_it(before: int | None) -> None:
    snapshot = one(frame(f"book.{OPTION}.raw", {**SNAPSHOT, "prev_change_id": before}))
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.last_id == 118850965713


def test_a_snapshot_in_another_order_is_best_first() -> None:
    bids = [["new", 1.0, 1.0], ["new", 3.0, 3.0], ["new", 2.0, 2.0]]
    asks = [["new", 6.0, 1.0], ["new", 4.0, 3.0]]
    snapshot = one(frame(f"book.{OPTION}.100ms", {**SNAPSHOT, "bids": bids, "asks": asks}))
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.bids == [(3.0, 3.0), (2.0, 2.0), (1.0, 1.0)]
    assert snapshot.asks == [(4.0, 3.0), (6.0, 1.0)]


def test_a_grouped_book_is_a_top_without_a_type() -> None:
    data = {
        "timestamp": T, "instrument_name": "BTC-PERPETUAL", "change_id": 45176552517,
        "bids": [[31523.5, 128780.0], [31523.0, 190.0]], "asks": [[31524.0, 30.0]],
    }  # fmt: skip
    assert one(frame("book.BTC-PERPETUAL.none.10.100ms", data)) == BookSnapshot(
        PERPETUAL_ID,
        45176552517,
        [(31523.5, 128780.0), (31523.0, 190.0)],
        [(31524.0, 30.0)],
        NOW,
        10,
        True,
        T_NS,
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"prev_change_id": 0}, "expected a prev_change_id below"),
        ({"prev_change_id": None}, "expected a prev_change_id below"),
        ({"prev_change_id": 118850980778}, "expected a prev_change_id below"),
        ({"type": None}, "str"),
        ({"type": "snap"}, "Invalid enum value"),
        ({"instrument_name": "ETH-PERPETUAL"}, "expected 'BTC-25DEC26-76000-C', found 'ETH-PERPETUAL'"),
        ({"bids": [["new", 0.0, 1.0]]}, "> 0"),
        ({"bids": [["new", 1.0, -1.0]]}, ">= 0"),
        ({"bids": [["fill", 1.0, 1.0]]}, "Invalid enum value"),
        ({"bids": [[1.0, 1.0]]}, "\\$.params.data.bids"),
        ({"timestamp": MS_LIMIT}, "<="),
        ({"timestamp": -1}, ">= 0"),
        ({"change_id": 2**63}, "Integer value out of range|int"),
        ({"change_id": 1.5}, "int"),
    ],
)
def test_a_change_that_cannot_be_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(WireError, match=said):
        decode(frame(f"book.{OPTION}.100ms", {**CHANGE, **changed}))


@pytest.mark.parametrize(
    "bids", [[["change", 1.0, 1.0]], [["new", 1.0, 0.0]], [["new", 1.0, 1.0], ["new", 1.0, 2.0]]]
)
def test_a_snapshot_that_cannot_be_is_refused(bids: list[Any]) -> None:
    with pytest.raises(WireError, match="expected"):
        decode(frame(f"book.{OPTION}.100ms", {**SNAPSHOT, "bids": bids}))


def test_a_grouped_book_about_another_is_refused() -> None:
    data = {"timestamp": T, "instrument_name": "ETH-PERPETUAL", "change_id": 1, "bids": [], "asks": []}
    with pytest.raises(WireError, match="found 'ETH-PERPETUAL'"):
        decode(frame("book.BTC-PERPETUAL.none.10.100ms", data))


# --- tickers


def test_an_options_ticker_says_the_day_the_best_and_the_worth() -> None:
    """Percent become fractions; greeks stay; stats of null are None and volume of nothing is nothing."""
    assert decode(frame(f"ticker.{OPTION}.100ms", TICKER)) == [
        Ticker(OPTION_ID, 0.133, None, None, None, 0.0, 0.0, None, 0.1255, 0.133, None, T_NS, NOW),
        Quote(OPTION_ID, 0.1255, 28.1, 0.133, 29.3, None, T_NS, NOW),
        Valuation(
            OPTION_ID, 0.1296, 83250.78, T_NS, NOW, 84222.23, "BTC-25DEC26", 0.3825, 0.356, 0.4038,
            Greeks(0.74092, 2.0e-5, 132.3649, -29.43212, 121.30652), 480.6, None, None,
        ),
    ]  # fmt: skip


def test_an_inverse_perpetuals_volume_is_in_the_unit_of_its_trades() -> None:
    assert decode(frame("ticker.BTC-PERPETUAL.100ms", PERPETUAL_TICKER)) == [
        Ticker(
            PERPETUAL_ID, 29931.0, None, 31903.5, 29265.5, 545442610.0, 545442610.0, -5.4, 29930.5, 29931.0, None,
            T_NS, NOW,
        ),
        Quote(PERPETUAL_ID, 29930.5, 149910.0, 29931.0, 62850.0, None, T_NS, NOW),
        Valuation(
            PERPETUAL_ID, 29932.79, 29930.44, T_NS, NOW, open_interest=559791310.0, funding=-0.00001,
            funding_8h=0.00000255,
        ),
    ]  # fmt: skip


def test_a_linear_perpetuals_volume_is_in_coins_and_dollars_are_not_usdc() -> None:
    data = {**PERPETUAL_TICKER, "instrument_name": "BTC_USDC-PERPETUAL"}
    ticker, _, _ = decode(frame("ticker.BTC_USDC-PERPETUAL.100ms", data))
    assert isinstance(ticker, Ticker)
    assert (ticker.instrument, ticker.volume, ticker.quote_volume) == (
        "BTC_USDC-PERPETUAL@deribit",
        17945.19,
        None,
    )


def test_a_spot_pair_has_no_valuation() -> None:
    data = {**PERPETUAL_TICKER, "instrument_name": "BTC_USDC"}
    assert [type(each) for each in decode(frame("ticker.BTC_USDC.100ms", data))] == [Ticker, Quote]


@pytest.mark.parametrize("nothing", [0.0, None])
@pytest.mark.parametrize("key", ["best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount"])
def test_an_empty_side_makes_no_quote(nothing: float | None, key: str) -> None:
    events = decode(
        frame(f"ticker.{OPTION}.100ms", {**TICKER, key: nothing, "bid_iv": nothing, "ask_iv": 0.0})
    )
    assert [type(each) for each in events] == [Ticker, Valuation]
    ticker, valuation = events
    assert isinstance(ticker, Ticker)
    assert isinstance(valuation, Valuation)
    assert (ticker.bid is None) == (key == "best_bid_price")
    assert (ticker.ask is None) == (key == "best_ask_price")
    assert (valuation.mark_iv, valuation.bid_iv, valuation.ask_iv) == (0.3825, None, None)


@pytest.mark.parametrize("last", [0.0, None])
def test_what_never_traded_has_no_ticker(last: float | None) -> None:
    events = decode(frame(f"ticker.{OPTION}.100ms", {**TICKER, "last_price": last}))
    assert [type(each) for each in events] == [Quote, Valuation]


def test_a_ticker_whose_day_is_null_is_one_all_the_same() -> None:
    first = decode(frame(f"ticker.{OPTION}.100ms", {**TICKER, "stats": None}))[0]
    assert first == Ticker(
        OPTION_ID, 0.133, None, None, None, None, None, None, 0.1255, 0.133, None, T_NS, NOW
    )


def test_greeks_are_there_together_or_not_at_all() -> None:
    greeks = {**TICKER["greeks"], "rho": None}
    valuation = decode(frame(f"ticker.{OPTION}.100ms", {**TICKER, "greeks": greeks}))[-1]
    assert isinstance(valuation, Valuation)
    assert valuation.greeks is None


def test_a_mark_of_nothing_is_a_worth() -> None:
    """Four decimals: what is far out of the money is marked at 0."""
    valuation = decode(frame(f"ticker.{OPTION}.100ms", {**TICKER, "mark_price": 0.0}))[-1]
    assert isinstance(valuation, Valuation)
    assert valuation.mark_price == 0.0


def test_a_ticker_that_says_nothing_is_counted() -> None:
    assert one(
        frame("ticker.BTC_USDC.raw", {"timestamp": T, "instrument_name": "BTC_USDC"})
    ) == UnknownMessage(
        "ticker without a price",
        frame("ticker.BTC_USDC.raw", {"timestamp": T, "instrument_name": "BTC_USDC"}).decode(),
    )


@pytest.mark.parametrize("value", ["1.5", -1.0, True, [1.0]])
@pytest.mark.parametrize("key", ["best_bid_price", "mark_price", "mark_iv", "last_price", "open_interest"])
def test_a_ticker_of_wrong_values_is_refused(key: str, value: object) -> None:
    with pytest.raises(WireError):
        decode(frame(f"ticker.{OPTION}.100ms", {**TICKER, key: value}))


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e400", b"-1e400"])
def test_a_number_that_is_none_is_refused(number: bytes) -> None:
    with pytest.raises(WireError):
        decode(frame(f"ticker.{OPTION}.100ms", TICKER).replace(b"0.1296", number))


# --- other channels

QUOTE = {
    "timestamp": T, "instrument_name": "BTC-30SEP22", "best_bid_price": 32499.0, "best_bid_amount": 2370.0,
    "best_ask_price": 32503.5, "best_ask_amount": 2400.0,
}  # fmt: skip


def test_a_quote() -> None:
    expected = Quote(InstrumentId("BTC-30SEP22@deribit"), 32499.0, 2370.0, 32503.5, 2400.0, None, T_NS, NOW)
    assert one(frame("quote.BTC-30SEP22", QUOTE)) == expected


@pytest.mark.parametrize("nothing", [0.0, None])
def test_a_quote_of_one_side_is_none(nothing: float | None) -> None:
    raw = frame("quote.BTC-30SEP22", {**QUOTE, "best_bid_price": nothing})
    assert one(raw) == UnknownMessage("quote with an empty side", raw.decode()[:200])


def test_indices_are_instruments() -> None:
    price = {"timestamp": T, "price": 6521.17, "index_name": "btc_usd"}
    volatility = {"timestamp": T, "volatility": 129.36, "index_name": "btc_usd"}
    assert one(frame("deribit_price_index.btc_usd", price)) == IndexPrice(
        InstrumentId("BTC-USD-INDEX@deribit"), 6521.17, T_NS, NOW
    )
    assert one(frame("deribit_volatility_index.btc_usd", volatility)) == IndexPrice(
        InstrumentId("BTC-DVOL@deribit"), 129.36, T_NS, NOW
    )


def test_marks_of_the_whole_chain_are_fractions_already() -> None:
    rows = [
        {"timestamp": T, "mark_price": 0.0333, "iv": 0.9, "instrument_name": "BTC-2JUN21-37000-P"},
        {"timestamp": T, "mark_price": 0.0, "iv": 0.0, "instrument_name": OPTION},
        {"timestamp": T, "mark_price": 0.1, "iv": 0.5, "instrument_name": "BTC-CS-28JUN24-90000_95000"},
    ]
    assert decode(frame("markprice.options.btc_usd", rows)) == [
        Valuation(InstrumentId("BTC-2JUN21-37000-P@deribit"), 0.0333, None, T_NS, NOW, mark_iv=0.9),
        Valuation(OPTION_ID, 0.0, None, T_NS, NOW),
        UnknownMessage("mark of an instrument without a name", "BTC-CS-28JUN24-90000_95000"),
    ]


@pytest.mark.parametrize(
    ("name", "resolution", "interval", "volume"),
    [
        ("BTC-31MAR23", "1", "1m", 40.0),
        ("BTC-25MAR23-26500-P", "3", "3m", 0.1),
        ("BTC_USDC-PERPETUAL", "60", "1h", 0.1),
        ("BTC_USDC", "1D", "1d", 0.1),
    ],
)
def test_a_candle_is_open_and_counts_in_the_unit_of_trades(
    name: str, resolution: str, interval: str, volume: float
) -> None:
    data = {"volume": 0.1, "tick": T, "open": 2.0, "low": 1.0, "high": 4.0, "cost": 40.0, "close": 3.0}
    candle = one(frame(f"chart.trades.{name}.{resolution}", data))
    assert isinstance(candle, VenueCandle)
    assert (candle.instrument, candle.interval, candle.open_time) == (
        f"{name.replace('BTC_USDC', 'BTC-USDC') if name == 'BTC_USDC' else name}@deribit", interval, T_NS
    )  # fmt: skip
    assert (candle.open, candle.high, candle.low, candle.close) == (2.0, 4.0, 1.0, 3.0)
    assert (candle.volume, candle.trades, candle.closed) == (volume, None, False)


def test_maintenance_is_the_condition_of_the_venue_and_one_locked_index_is_not() -> None:
    assert one(frame("platform_state", {"maintenance": True})) == VenueCondition(False, "maintenance")
    assert one(frame("platform_state", {"maintenance": False})) == VenueCondition(True, "maintenance is over")
    locked = one(frame("platform_state", {"price_index": "btc_usdc", "locked": True}))
    assert isinstance(locked, UnknownMessage)
    assert locked.kind == "platform_state of a part"


@pytest.mark.parametrize(
    ("channel", "kind"),
    [
        ("instrument.state.option.BTC", "instrument"),
        ("incremental_ticker.BTC-PERPETUAL", "incremental_ticker"),
        ("perpetual.BTC-PERPETUAL.100ms", "perpetual"),
        ("estimated_expiration_price.btc_usd", "estimated_expiration_price"),
        ("platform_state.public_methods_state", "platform_state"),
        ("chart.trades.BTC-PERPETUAL.7", "chart"),
        ("book.BTC-PERPETUAL.none.0.100ms", "book"),
        ("trades", "trades"),
        ("ticker.BTC-CS-28JUN24-90000_95000.100ms", "ticker of an instrument without a name"),
        ("deribit_price_index.what", "deribit_price_index of an instrument without a name"),
        ("", ""),
    ],
)
def test_channels_that_are_not_read_are_counted(channel: str, kind: str) -> None:
    found = one(frame(channel, {"timestamp": T, "state": "created", "instrument_name": OPTION}))
    assert isinstance(found, UnknownMessage)
    assert found.kind == kind


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        ("trades.ETH-PERPETUAL.100ms", [TRADE]),
        ("ticker.ETH-PERPETUAL.100ms", PERPETUAL_TICKER),
        ("quote.ETH-PERPETUAL", QUOTE),
        ("deribit_price_index.eth_usd", {"timestamp": T, "price": 6521.17, "index_name": "btc_usd"}),
        (
            "deribit_volatility_index.eth_usd",
            {"timestamp": T, "volatility": 6521.17, "index_name": "btc_usd"},
        ),
    ],
)
def test_what_is_about_another_than_the_channel_is_refused(channel: str, data: object) -> None:
    with pytest.raises(WireError, match="expected '"):
        decode(frame(channel, data))


# --- answers, heartbeats, wants


def test_an_answer_lists_what_was_taken_and_the_rest_is_refused_by_silence() -> None:
    taken = {
        "jsonrpc": "2.0",
        "id": 5,
        "result": ["book.BTC-PERPETUAL.none.10.100ms"],
        "usIn": 1,
        "usOut": 2,
        "usDiff": 1,
    }
    assert one(taken) == Ack(5, ("book.BTC-PERPETUAL.none.10.100ms",), "request")
    assert one({**taken, "result": []}) == Ack(5, ())
    assert one({**taken, "result": "ok"}) == Ack(5, None)


def test_an_error_is_a_refusal_with_the_venues_reason() -> None:
    error = {
        "code": -32602,
        "data": {"reason": "value must be >= 10", "param": "interval"},
        "message": "Invalid params",
    }
    answer = {"jsonrpc": "2.0", "id": 7, "error": error, "usIn": 1789344931553548}
    assert one(answer) == Refusal(7, -32602, "Invalid params: value must be >= 10 (interval)", ())
    del error["data"]
    assert one(answer) == Refusal(7, -32602, "Invalid params", ())
    assert one({**answer, "error": {"code": 13009, "data": 5, "message": "unauthorized"}}) == Refusal(
        7, 13009, "unauthorized"
    )
    assert one({"error": error}) == Refusal(None, -32602, "Invalid params")


def test_after_too_many_requests_the_session_ends_and_no_channel_is_held_guilty() -> None:
    """Answers count in microseconds: 2026-09-13 in both units."""
    answer = {"jsonrpc": "2.0", "id": 7, "error": {"code": 10028, "message": "too_many_requests"}}
    assert one({**answer, "usOut": 1789344931553627}) == ShutdownNotice(1789344931553627000)
    assert one(answer) == ShutdownNotice(NOW)


@pytest.mark.parametrize("code", [10040, 11051, 13028, 13888])
def test_not_now_is_no_refusal(code: int) -> None:
    found = one({"id": 7, "error": {"code": code, "message": "retry"}})
    assert isinstance(found, UnknownMessage)
    assert found.kind == f"not now: retry (code {code})"


def test_answers_to_our_own_words_are_no_facts() -> None:
    """Texts for ids: no request of a session has one."""
    said = [json.loads(each) for each in DeribitCodec().connection(1).greeting()]
    assert [(each["id"], each["method"], each["params"]) for each in said] == [
        ("set_heartbeat", "public/set_heartbeat", {"interval": 30}),
        ("platform_state", "public/subscribe", {"channels": ["platform_state"]}),
    ]
    assert decode({"jsonrpc": "2.0", "id": "set_heartbeat", "result": "ok"}) == ()
    assert decode({"jsonrpc": "2.0", "id": "platform_state", "result": ["platform_state"]}) == ()
    assert decode({"jsonrpc": "2.0", "id": "test", "result": {"version": "1.2.26"}}) == ()
    error = {"id": "set_heartbeat", "error": {"code": -32602, "message": "Invalid params"}}
    assert one(error) == Refusal("set_heartbeat", -32602, "Invalid params")


def test_a_test_request_is_answered_and_a_heartbeat_is_not() -> None:
    beat = {"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"}
    assert decode(beat) == ()
    challenge = one({**beat, "params": {"type": "test_request"}})
    assert isinstance(challenge, Challenge)
    assert json.loads(challenge.answer) == {
        "jsonrpc": "2.0",
        "id": "test",
        "method": "public/test",
        "params": {},
    }
    other = one({**beat, "params": {"type": "dance"}})
    assert isinstance(other, UnknownMessage)
    assert other.kind == "heartbeat dance"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({}, ""),
        ({"jsonrpc": "2.0"}, ""),
        ({"method": "shout"}, "shout"),
        ({"method": "subscription"}, "subscription"),
        ({"method": "heartbeat"}, "heartbeat"),
        ({"id": 3, "result": {"version": "1"}}, "answer"),
        ({"id": "other", "result": True}, "answer"),
    ],
)
def test_messages_of_no_kind_that_we_know_are_counted(message: dict[str, Any], kind: str) -> None:
    found = one(message)
    assert isinstance(found, UnknownMessage)
    assert found.kind == kind


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"null", b"<html>", b"{", b'{"method":5}', b'{"method":"subscription","params":[]}',
        b'{"method":"subscription","params":{"channel":5}}', b'{"id":1.5,"result":[]}', b'{"id":1,"error":"no"}',
        b'{"id":1,"error":{"code":10028,"message":""},"usOut":-1}', b'{"method":"heartbeat","params":{}}',
        b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.BTC_USDC.raw","data":{}}}',
        b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.BTC_USDC.raw"}}',
        b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.BTC_USDC.raw',
        b"\xff\xfe", b'{"method":"\xff"}',
    ],
)  # fmt: skip
def test_what_is_not_the_protocol_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode(raw)
    assert caught.value.venue == "deribit"


def test_any_order_and_spacing_says_the_same() -> None:
    codec = DeribitCodec()
    expected = list(codec.decode(frame("trades.BTC-PERPETUAL.100ms", [TRADE]), NOW))
    spaced = {"params": {"data": [TRADE], "channel": "trades.BTC-PERPETUAL.100ms"}, "method": "subscription"}
    assert list(codec.decode(json.dumps(spaced, indent=1).encode(), NOW)) == expected
    assert list(codec.decode(frame("trades.BTC-PERPETUAL.100ms", [TRADE]), NOW)) == expected


def test_made_up_channels_and_names_do_not_fill_the_memory() -> None:
    codec = DeribitCodec()
    for number in range(40_000):
        name = f"BTC-25DEC26-{number + 1}-C"
        codec.decode(frame(f"quote.{name}", {**QUOTE, "instrument_name": name}), NOW)
    assert len(codec._routes) <= 16_384
    assert len(codec._symbols._guessed) <= 16_384


def test_learning_takes_the_id_that_was_subscribed() -> None:
    """An alias: the venue still says the old name, the frames carry the new id."""
    codec = DeribitCodec()
    before = {**TRADE, "instrument_name": "MATIC_USDC"}
    (trade,) = codec.decode(frame("trades.MATIC_USDC.100ms", [before]), NOW)
    assert isinstance(trade, Trade)
    assert trade.instrument == "MATIC-USDC@deribit"
    renamed = Instrument(InstrumentId("POL-USDC@deribit"), "deribit", "POL", "USDC", "MATIC_USDC")
    foreign = Instrument(InstrumentId("X-USDC@other"), "other", "X", "USDC", "MATIC_USDC")
    codec.learn([renamed, foreign])
    (trade,) = codec.decode(frame("trades.MATIC_USDC.100ms", [before]), NOW)
    assert isinstance(trade, Trade)
    assert trade.instrument == "POL-USDC@deribit"
    assert codec.streams(renamed, BOOKS) == ("book.MATIC_USDC.100ms",)
    assert codec.stream_instrument("book.MATIC_USDC.100ms") == "POL-USDC@deribit"


def test_what_a_desk_wants_of_an_instrument() -> None:
    codec = DeribitCodec()
    perpetual = codec.instrument("BTC-PERPETUAL")
    trades, book, ticker = (f"{kind}.BTC-PERPETUAL.100ms" for kind in ("trades", "book", "ticker"))
    assert codec.streams(perpetual) == (trades, book, ticker)
    assert codec.streams(perpetual, PRICES) == (trades, ticker)
    assert codec.streams(perpetual, TRADES) == codec.streams(perpetual, CANDLES) == (trades,)
    assert codec.streams(perpetual, BOOKS) == (book,)
    assert codec.streams(perpetual, ()) == ()
    for stream in (
        trades,
        book,
        ticker,
        "quote.BTC-PERPETUAL",
        "chart.trades.BTC-PERPETUAL.1",
        "book.BTC-PERPETUAL.5.10.raw",
    ):
        assert codec.stream_instrument(stream) == PERPETUAL_ID
        assert codec.batch_of(stream) == ""


@pytest.mark.parametrize(
    ("symbol", "channel"),
    [
        ("BTC-USD-INDEX", "deribit_price_index.btc_usd"),
        ("SOL-USDC-INDEX", "deribit_price_index.sol_usdc"),
        ("BTC-DVOL", "deribit_volatility_index.btc_usd"),
    ],
)
def test_an_index_has_its_price_only(symbol: str, channel: str) -> None:
    codec = DeribitCodec()
    index = codec.instrument(channel)
    assert (index.symbol, index.contract) == (symbol, Contract(kind="index"))
    base, _, rest = symbol.partition("-")
    guessed = Instrument(
        index.id, "deribit", base, rest, f"{base}{rest}"
    )  # as the desk makes it from a name alone
    for each in (index, guessed):
        assert codec.streams(each) == (channel,)
        assert codec.streams(each, (*TRADES, *BOOKS, *CANDLES)) == ()
    assert codec.stream_instrument(channel) == index.id


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC-PERPETUAL", "BTC-PERPETUAL"),
        ("BTC_USDC-PERPETUAL", "BTC_USDC-PERPETUAL"),
        ("ETH_USDC-27MAR26", "ETH_USDC-27MAR26"),
        ("XRP_USDC-30JUN26-0d625-C", "XRP_USDC-30JUN26-0d625-C"),
        ("BTC-USDC", "BTC_USDC"),
    ],
)
def test_an_instrument_that_is_only_a_name_is_asked_for_by_it(symbol: str, name: str) -> None:
    base, _, rest = symbol.partition("-")
    guessed = Instrument(InstrumentId(f"{symbol}@deribit"), "deribit", base, rest, f"{base}{rest}")
    codec = DeribitCodec()
    assert codec.streams(guessed, BOOKS) == (f"book.{name}.100ms",)
    assert codec.stream_instrument(f"book.{name}.100ms") == guessed.id
    codec.learn([guessed])
    assert codec.stream_instrument(f"book.{name}.100ms") == guessed.id
    assert f"instrument_name={name}&" in codec.snapshot_request(guessed, 1000).path


@pytest.mark.parametrize(
    "stream",
    ["trades.any.BTC.100ms", "markprice.options.btc_usd", "platform_state", "book.BTC-CS-1.100ms", ""],
)
def test_a_stream_of_all_or_of_none_is_nobodys(stream: str) -> None:
    assert DeribitCodec().stream_instrument(stream) is None


def test_control_messages() -> None:
    codec = DeribitCodec()
    assert json.loads(codec.encode_subscribe(("book.BTC-PERPETUAL.100ms", "ticker.BTC_USDC.100ms"), 5)) == {
        "jsonrpc": "2.0", "id": 5, "method": "public/subscribe",
        "params": {"channels": ["book.BTC-PERPETUAL.100ms", "ticker.BTC_USDC.100ms"]},
    }  # fmt: skip
    assert json.loads(codec.encode_unsubscribe(("ticker.BTC_USDC.100ms",), 6)) == {
        "jsonrpc": "2.0", "id": 6, "method": "public/unsubscribe", "params": {"channels": ["ticker.BTC_USDC.100ms"]},
    }  # fmt: skip
    assert codec.socket_path(()) == "/ws/api/v2"
    assert SPEC.hosts[0].ws + codec.socket_path(()) == "wss://www.deribit.com/ws/api/v2"


def test_a_rule_of_the_venue_is_kept() -> None:
    assert (SPEC.pushed_books, SPEC.ordered_answers, SPEC.url_streams) == (False, False, 0)
    assert SPEC.ping_timeout_s is not None
    assert SPEC.ping_timeout_s > 30


def test_what_is_no_instrument_is_said() -> None:
    with pytest.raises(WireError, match="expected a name such as BTC-PERPETUAL"):
        DeribitCodec().instrument("BTC-CS-28JUN24-90000_95000")


def test_a_channel_that_is_spelt_in_an_odd_way_is_read_and_not_remembered() -> None:
    codec = DeribitCodec()
    (trade,) = codec.decode(frame("trades.\u00e9.BTC.100ms", [TRADE]), NOW)
    assert isinstance(trade, Trade)
    assert not codec._routes
