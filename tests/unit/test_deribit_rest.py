"""Deribit's REST methods: what is asked for, what the answers say, and what is refused and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bethna.core.errors import ConfigError, VenueAnswer, WireError
from bethna.core.instrument import Contract
from bethna.core.market import BookSnapshot, CandlePage, InstrumentId, Trade, TradePage
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.deribit import DeribitCodec

NOW = 1_789_400_000_000_000_001
MS = 1_000_000
PERPETUAL_ID = InstrumentId("BTC-PERPETUAL@deribit")
ROOT = "/api/v2/public/"
TRADES = "get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL"
CANDLES = "get_tradingview_chart_data?instrument_name=BTC-PERPETUAL"
CODEC = DeribitCodec()
PERPETUAL = CODEC.instrument("BTC-PERPETUAL")

OPTION_ROW: dict[str, Any] = {
    "state": "open", "price_index": "btc_usd", "kind": "option", "instrument_name": "BTC-15SEP26-77000-C",
    "maker_commission": 0.0003, "taker_commission": 0.0003, "instrument_type": "reversed",
    "expiration_timestamp": 1789459200000, "instrument_id": 638361, "creation_timestamp": 1789113645000,
    "is_active": True, "contract_size": 1.0, "tick_size": 0.0001, "strike": 77000.0, "counter_currency": "USD",
    "option_type": "call", "min_trade_amount": 0.1, "settlement_currency": "BTC", "settlement_period": "day",
    "base_currency": "BTC", "quote_currency": "BTC",
    "tick_size_steps": [{"tick_size": 0.0005, "above_price": 0.005}],
}  # fmt: skip
SPOT_ROW: dict[str, Any] = {
    "kind": "spot", "instrument_name": "BTC_USDT", "instrument_type": "linear", "is_active": True,
    "expiration_timestamp": 32503708800000, "contract_size": 1.0e-4, "min_trade_amount": 1.0e-3, "tick_size": 1.0,
    "tick_size_steps": [], "price_index": "btc_usdt", "base_currency": "BTC", "quote_currency": "USDT",
    "counter_currency": "USDT",
}  # fmt: skip
PERPETUAL_ROW: dict[str, Any] = {
    "kind": "future", "instrument_name": "BTC-PERPETUAL", "instrument_type": "reversed", "is_active": True,
    "expiration_timestamp": 32503708800000, "contract_size": 10.0, "min_trade_amount": 10.0, "tick_size": 0.5,
    "tick_size_steps": [], "price_index": "btc_usd", "settlement_period": "perpetual", "settlement_currency": "BTC",
    "state": "open",
}  # fmt: skip


def answer(result: object) -> bytes:
    body = {"jsonrpc": "2.0", "result": result, "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": False}
    return json.dumps(body).encode()


def decode(path: str, raw: bytes) -> Sequence[RestEvent]:
    return CODEC.decode_http(path, raw, NOW)


def one(path: str, result: object) -> RestEvent:
    (event,) = decode(path, answer(result))
    return event


# --- requests


def test_what_is_asked_for() -> None:
    asked = (
        CODEC.snapshot_request(PERPETUAL, 1000),
        CODEC.trades_request(PERPETUAL, 140284854, 250, since=5),
        CODEC.recent_trades_request(PERPETUAL, 5000),
        CODEC.candles_request(PERPETUAL, "1h", 1789344000_000_000_001, 2),
        CODEC.time_request(),
        CODEC.catalogue_request(),
    )
    assert [each.path.removeprefix(ROOT) for each in asked] == [
        "get_order_book?instrument_name=BTC-PERPETUAL&depth=1000",
        f"{TRADES}&start_seq=140284854&end_seq=140285103&count=250&sorting=asc",
        f"{TRADES}&count=1000&sorting=desc",
        f"{CANDLES}&start_timestamp=1789344000001&end_timestamp=1789351200000&resolution=60",
        "get_time",
        "get_instruments?currency=any&expired=false",
    ]
    assert [each.weight for each in asked] == [1, 1, 1, 1, 1, 20]


@pytest.mark.parametrize(
    ("limit", "depth"), [(0, 1), (1, 1), (6, 10), (101, 1000), (1000, 1000), (5000, 1000)]
)
def test_a_book_is_asked_for_in_depths_that_the_venue_knows(limit: int, depth: int) -> None:
    assert CODEC.snapshot_request(PERPETUAL, limit).path.endswith(f"&depth={depth}")


def test_a_length_of_candles_that_the_venue_lacks_is_refused() -> None:
    assert CODEC.candles_request(PERPETUAL, "1D", 0, 1).path.endswith("resolution=1D")
    for length in ("4h", "1s"):
        with pytest.raises(ConfigError, match=f"found '{length}'"):
            CODEC.candles_request(PERPETUAL, length, 0, 1)


# --- books

BOOK = {
    "timestamp": 1654245922403, "state": "open", "instrument_name": "BTC-PERPETUAL", "change_id": 45305026640,
    "bids": [[30718.0, 3000.0], [30718.5, 2290.0]], "asks": [[30723.0, 3000.0]], "last_price": 30709.5,
}  # fmt: skip
BOOK_PATH = ROOT + "get_order_book?instrument_name=BTC-PERPETUAL&depth=1000"


def test_a_book_is_of_the_streams_count() -> None:
    assert one(BOOK_PATH, BOOK) == BookSnapshot(
        PERPETUAL_ID, 45305026640, [(30718.5, 2290.0), (30718.0, 3000.0)], [(30723.0, 3000.0)], NOW, 1000,
        ts_event=1654245922403 * MS, epoch=0, proven=None,
    )  # fmt: skip
    book = one("https://www.deribit.com" + BOOK_PATH.partition("&")[0], BOOK)
    assert isinstance(book, BookSnapshot)
    assert book.limit == 5  # what the venue gives to whoever names no depth


@pytest.mark.parametrize(
    "path",
    [
        ROOT + "get_order_book?depth=1000", ROOT + "get_order_book?instrument_name=ETH-PERPETUAL",
        ROOT + "get_order_book?instrument_name=what", BOOK_PATH + "x", "//[/get_order_book",
    ],
)  # fmt: skip
def test_a_book_that_was_not_asked_for_is_refused(path: str) -> None:
    with pytest.raises(WireError, match="expected"):
        decode(path, answer(BOOK))


@pytest.mark.parametrize("bids", [[[1.0, 1.0], [1.0, 2.0]], [[0.0, 1.0]], [[1.0, -1.0]], [["1.0", 1.0]]])
def test_a_book_that_cannot_be_is_refused(bids: list[Any]) -> None:
    with pytest.raises(WireError):
        decode(BOOK_PATH, answer({**BOOK, "bids": bids}))


# --- trades

TRADES_PATH = ROOT + "get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL&count=3&sorting=desc"


def row(seq: int) -> dict[str, Any]:
    return {
        "trade_seq": seq, "trade_id": f"x{seq}", "timestamp": 1789344933994, "price": 76917.5, "amount": 10.0 * seq,
        "direction": "sell", "instrument_name": "BTC-PERPETUAL", "tick_direction": 0,
    }  # fmt: skip


@pytest.mark.parametrize("order", [(7, 6, 5), (5, 6, 7)])
def test_a_page_of_trades_ascends_whatever_was_asked(order: tuple[int, ...]) -> None:
    trades = [Trade(PERPETUAL_ID, 76917.5, 10.0 * n, "sell", n, 1789344933994 * MS, NOW) for n in (5, 6, 7)]
    rows = [row(seq) for seq in order]
    assert one(TRADES_PATH, {"trades": rows, "has_more": True}) == TradePage(PERPETUAL_ID, trades)


def test_a_page_without_trades() -> None:
    assert one(TRADES_PATH, {"trades": [], "has_more": False}) == TradePage(PERPETUAL_ID, [])


def test_a_page_of_another_or_with_a_trade_twice_is_refused() -> None:
    for rows in ([row(5), row(5)], [{**row(5), "instrument_name": "ETH-PERPETUAL"}]):
        with pytest.raises(WireError, match="expected"):
            decode(TRADES_PATH, answer({"trades": rows, "has_more": False}))


# --- candles

CHART_PATH = ROOT + "get_tradingview_chart_data?instrument_name=BTC-PERPETUAL&resolution=1"
CHART: dict[str, Any] = {
    "status": "ok", "ticks": [1789399920000, 1789399980000], "open": [2.0, 3.0], "high": [4.0, 3.0], "low": [1.0, 3.0],
    "close": [3.0, 3.0], "volume": [0.5, 0.0], "cost": [1000.0, 0.0],
}  # fmt: skip


def test_columns_become_candles_and_the_last_one_is_open() -> None:
    """An inverse perpetual counts in dollars, as its trades do; a minute of nothing is flat."""
    page = one(CHART_PATH, CHART)
    assert isinstance(page, CandlePage)
    assert [(c.interval, c.open_time, c.volume, c.trades, c.closed) for c in page.candles] == [
        ("1m", 1789399920000 * MS, 1000.0, None, True),
        ("1m", 1789399980000 * MS, 0.0, None, False),
    ]
    first = page.candles[0]
    assert (first.open, first.high, first.low, first.close) == (2.0, 4.0, 1.0, 3.0)
    linear = one(CHART_PATH.replace("BTC-", "BTC_USDC-"), CHART)
    assert isinstance(linear, CandlePage)
    assert linear.candles[0].volume == 0.5


def test_the_last_candle_is_closed_when_its_end_is_well_past() -> None:
    end = (1789399980000 + 60_000) * MS
    for now, closed in ((end + 10**10, False), (end + 10**10 + 1, True)):
        (page,) = CODEC.decode_http(CHART_PATH, answer(CHART), now)
        assert isinstance(page, CandlePage)
        assert page.candles[1].closed == closed


def test_a_candle_is_closed_when_a_later_one_has_opened() -> None:
    """Though the host's clock, which is behind, does not say so."""
    (page,) = CODEC.decode_http(CHART_PATH, answer(CHART), 1789399920000 * MS)
    assert isinstance(page, CandlePage)
    assert [each.closed for each in page.candles] == [True, False]


def test_no_data_is_an_empty_page() -> None:
    nothing: dict[str, object] = {key: [] for key in CHART} | {"status": "no_data"}
    assert one(CHART_PATH, nothing) == one(CHART_PATH, {"status": "no_data"}) == CandlePage(PERPETUAL_ID, [])


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        (CHART_PATH, {"cost": [1.0]}),
        (CHART_PATH, {"ticks": [1789399980000, 1789399980000]}),
        (CHART_PATH, {"status": "late"}),
        (CHART_PATH.replace("=1", "=7"), {}),
        (CHART_PATH.partition("&")[0], {}),
    ],
)
def test_a_chart_that_cannot_be_is_refused(path: str, changed: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        decode(path, answer({**CHART, **changed}))


# --- the catalogue


def listed(*rows: dict[str, Any]) -> tuple[Catalogue, tuple[RestEvent, ...]]:
    catalogue, *rest = decode(ROOT + "get_instruments?currency=any", answer(rows))
    assert isinstance(catalogue, Catalogue)
    return catalogue, tuple(rest)


def test_the_catalogue_says_what_names_do_not() -> None:
    catalogue, unread = listed(OPTION_ROW, SPOT_ROW, PERPETUAL_ROW)
    option, spot, perpetual, *indices = catalogue.instruments
    assert (option.id, option.base, option.quote) == ("BTC-15SEP26-77000-C@deribit", "BTC", "USD")
    assert option.contract == Contract(
        "option", "BTC", True, 1.0, expiry=1789459200000 * MS, strike=77000.0, option="call"
    )
    assert (option.tick_size, option.lot_size, option.tradable, option.verified) == (0.0001, 0.1, True, True)
    assert (spot.id, spot.contract, spot.tick_size, spot.lot_size) == ("BTC-USDT@deribit", None, 1.0, 1.0e-4)
    assert (perpetual.id, perpetual.contract) == (PERPETUAL_ID, Contract("perpetual", "BTC", True, 10.0))
    assert [(each.symbol, each.verified) for each in indices] == [
        ("BTC-USD-INDEX", True), ("BTC-DVOL", True), ("BTC-USDT-INDEX", True),
    ]  # fmt: skip
    assert unread == ()
    assert catalogue.weight_per_minute is None


def test_never_is_the_year_3000_and_no_time_of_ours() -> None:
    """32503708800000 ms are more nanoseconds than 64 bits hold."""
    catalogue, _ = listed(PERPETUAL_ROW, {**SPOT_ROW, "price_index": None})
    assert [each.contract and each.contract.expiry for each in catalogue.instruments[:2]] == [None, None]
    future = {**PERPETUAL_ROW, "instrument_name": "BTC-25DEC26"}
    catalogue, unread = listed(future, {**future, "expiration_timestamp": 1798185600000})
    assert [each.kind for each in unread if isinstance(each, UnknownMessage)] == ["instrument"]
    assert catalogue.instruments[0].contract == Contract(
        "future", "BTC", True, 10.0, expiry=1798185600000 * MS
    )


def test_a_linear_perpetual() -> None:
    linear = {
        **PERPETUAL_ROW, "instrument_name": "BTC_USDC-PERPETUAL", "instrument_type": "linear", "contract_size": 1.0e-4,
        "min_trade_amount": 1.0e-4, "settlement_currency": "USDC", "price_index": "btc_usdc",
    }  # fmt: skip
    catalogue, _ = listed(
        linear, {**linear, "instrument_type": None, "settlement_currency": None, "contract_size": None}
    )
    for each in catalogue.instruments[:2]:
        assert (each.id, each.quote) == ("BTC_USDC-PERPETUAL@deribit", "USDC")
        assert each.contract == Contract("perpetual", "USDC", False, 1.0e-4)


def test_combos_are_counted_and_left_out() -> None:
    combo = {"kind": "option_combo", "instrument_name": "BTC-CS-28JUN24-90000_95000"}
    catalogue, unread = listed(combo, SPOT_ROW, {**combo, "kind": "future_combo"})
    assert [each.id for each in catalogue.instruments] == ["BTC-USDT@deribit", "BTC-USDT-INDEX@deribit"]
    assert [each.kind for each in unread if isinstance(each, UnknownMessage)] == [
        "instrument of kind option_combo", "instrument of kind future_combo",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "future"}, {"kind": "perpetual"}, {"instrument_name": "BTC-15SEP26"}, {"instrument_name": "?"},
        {"tick_size": 0.0}, {"min_trade_amount": None}, {"is_active": 1},
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_takes_no_other_along(changed: dict[str, Any]) -> None:
    catalogue, unread = listed({**OPTION_ROW, **changed}, SPOT_ROW)
    assert [each.id for each in catalogue.instruments] == ["BTC-USDT@deribit", "BTC-USDT-INDEX@deribit"]
    assert len(unread) == 1


@pytest.mark.parametrize(
    ("changed", "tradable"),
    [
        ({"is_active": False}, False),
        ({"state": "closed"}, False),
        ({"state": "started"}, True),
        ({"state": None}, True),
    ],
)
def test_what_does_not_trade_now(changed: dict[str, Any], tradable: bool) -> None:
    catalogue, _ = listed({**OPTION_ROW, **changed})
    assert catalogue.instruments[0].tradable == tradable


def test_an_index_without_a_pair_for_a_name_is_not_listed() -> None:
    catalogue, unread = listed({**SPOT_ROW, "price_index": "what"})
    assert [each.id for each in catalogue.instruments] == ["BTC-USDT@deribit"]
    assert unread == ()


def test_a_learned_catalogue_is_what_frames_are_about() -> None:
    codec = DeribitCodec()
    catalogue, _ = listed(OPTION_ROW, PERPETUAL_ROW)
    codec.learn(catalogue.instruments)
    assert codec.instrument("BTC-PERPETUAL") is catalogue.instruments[1]
    assert codec.instrument("deribit_volatility_index.btc_usd").verified


# --- the rest


def test_the_venues_clock_is_in_milliseconds() -> None:
    assert one(ROOT + "get_time", 1550147385946) == ServerTime(1550147385946 * MS)
    with pytest.raises(WireError):
        decode(ROOT + "get_time", answer(1550147385946000))


def test_an_error_is_the_venues_answer_whatever_was_asked() -> None:
    error = {
        "message": "Invalid params",
        "data": {"reason": "wrong format", "param": "instrument_name"},
        "code": -32602,
    }
    body = json.dumps(
        {"jsonrpc": "2.0", "error": error, "testnet": False, "usIn": 1, "usOut": 2, "usDiff": 1}
    ).encode()
    for path in (BOOK_PATH, CHART_PATH, ROOT + "get_time", ROOT + "anything"):
        with pytest.raises(VenueAnswer) as caught:
            decode(path, body)
        assert caught.value.message == "Invalid params: wrong format (instrument_name)"
        assert (caught.value.status, caught.value.venue_code) == (0, -32602)


@pytest.mark.parametrize(("code", "status"), [(10028, 429), (10040, 503), (11051, 503), (13009, 0)])
def test_an_error_about_the_moment_says_so_though_http_says_400_of_all(code: int, status: int) -> None:
    body = json.dumps({"jsonrpc": "2.0", "error": {"code": code, "message": "too_many_requests"}}).encode()
    with pytest.raises(VenueAnswer) as caught:
        decode(BOOK_PATH, body)
    assert (caught.value.status, caught.value.venue_code) == (status, code)


def test_a_method_that_is_not_read_is_counted() -> None:
    found = one(ROOT + "get_book_summary_by_currency?currency=BTC", [])
    assert isinstance(found, UnknownMessage)
    assert found.kind == "get_book_summary_by_currency"


@pytest.mark.parametrize(
    "raw", [b"", b"<html>502</html>", b"null", b"[]", b'{"error":5}', b'{"result":[5]}', b"\xff"]
)
def test_what_is_not_the_protocol_is_refused(raw: bytes) -> None:
    for path in (BOOK_PATH, TRADES_PATH, CHART_PATH, ROOT + "get_time"):
        with pytest.raises(WireError):
            decode(path, raw)
