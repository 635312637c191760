"""The objects of `--json` are the rows of the HTTP reference: what it has, in its units, read back without a loss."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bethna.api.protocol import BookAnswer, CandleRow, CandlesAnswer, PriceRow, TradeRow, TradesAnswer
from bethna.cli.objects import (
    book_object,
    candle_object,
    candles_object,
    price_object,
    trade_object,
    trades_object,
)
from bethna.client.facts import Book, CertifiedTrade
from bethna.core.coverage import Coverage, Gap, State
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, PriceView

ETH = InstrumentId("ETH-USDT@venue")
WHOSE = {"instrument": "ETH-USDT@venue", "venue": "venue", "symbol": "ETH-USDT"}
INSTANTS = st.integers(0, 2**62)
NUMBERS = st.floats(1e-9, 1e12)
COVERAGES = st.builds(
    Coverage,
    state=st.sampled_from(State),
    gaps=st.lists(
        st.builds(Gap, st.just("trades"), st.integers(0, 2**60), st.integers(0, 2**60)), max_size=3
    ).map(tuple),
    as_of=st.none() | INSTANTS,
)
TRADES = st.builds(
    CertifiedTrade,
    st.just(ETH),
    NUMBERS,
    NUMBERS,
    st.sampled_from(["buy", "sell"]),
    st.integers(0, 2**60),
    INSTANTS,
    INSTANTS,
    st.just(1),
    COVERAGES,
)
CANDLES = st.builds(
    Candle,
    st.just(ETH),
    st.just(Interval.M5),
    INSTANTS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.integers(0, 10**9),
    st.booleans(),
    st.none(),
    st.none(),
    COVERAGES,
)


def read(said: dict[str, object], kind: str) -> tuple[dict[str, object], bytes]:
    """As a program reads it: the fields, and the whole as text."""
    text = msgspec.json.encode(said)
    found = msgspec.json.decode(text)
    assert found["type"] == kind
    assert WHOSE.items() <= found.items()
    return found, text


@given(TRADES)
def test_a_trade(trade: CertifiedTrade) -> None:
    found, text = read(trade_object(trade), "trade")
    row = msgspec.json.decode(text, type=TradeRow)
    assert (row.price, row.quantity, row.side) == (trade.price, trade.quantity, trade.side)
    assert row.trade_id == str(trade.trade_id)
    assert (row.ts_event, row.ts_recv) == (trade.ts_event // 1000, trade.ts_recv // 1000)
    assert set(found) == {"type", *WHOSE, *TradeRow.__struct_fields__, "coverage"}


@given(st.lists(TRADES, max_size=5), COVERAGES)
def test_trades(trades: list[CertifiedTrade], coverage: Coverage) -> None:
    found, text = read(trades_object(ETH, trades, coverage), "trades")
    answer = msgspec.json.decode(text, type=TradesAnswer)
    assert [row.trade_id for row in answer.trades] == [str(trade.trade_id) for trade in trades]
    assert answer.coverage.state is coverage.state
    assert set(found) == {"type", *TradesAnswer.__struct_fields__} - {"notice"}


@given(CANDLES)
def test_a_candle(candle: Candle) -> None:
    found, text = read(candle_object(candle), "candle")
    row = msgspec.json.decode(text, type=CandleRow)
    assert (row.open, row.high, row.low, row.close) == (candle.open, candle.high, candle.low, candle.close)
    assert (row.open_time, row.closed, found["interval"]) == (candle.open_time // 1000, candle.closed, "5m")


@given(st.lists(CANDLES, max_size=5))
def test_candles(candles: list[Candle]) -> None:
    _, text = read(candles_object(ETH, Interval.M5, candles), "candles")
    answer = msgspec.json.decode(text, type=CandlesAnswer)
    assert [row.volume for row in answer.candles] == [candle.volume for candle in candles]
    assert answer.interval is Interval.M5


@given(st.none() | NUMBERS, st.booleans(), st.none() | INSTANTS, COVERAGES)
def test_a_price(price: float | None, stale: bool, ts_recv: int | None, coverage: Coverage) -> None:
    view = PriceView(ETH, price, None, ts_recv, None, stale, None, 1.5, None, coverage)
    found, text = read(price_object(view, 2**62), "price")
    row = msgspec.json.decode(text, type=PriceRow)
    assert (row.price, row.bid, row.ask, row.stale) == (price, 1.5, None, stale)
    assert row.age_ms == (None if ts_recv is None else (2**62 - ts_recv) // 1_000_000)
    assert set(found) == {"type", *PriceRow.__struct_fields__}


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4), st.integers(0, 2**60), COVERAGES)
def test_a_book(levels: list[tuple[float, float]], update_id: int, coverage: Coverage) -> None:
    book = Book(ETH, levels, levels[::-1], update_id, "trusted", len(levels), None, 5000, coverage)
    found, text = read(book_object(book, 2_005_000), "book")
    answer = msgspec.json.decode(text, type=BookAnswer)
    assert ([*answer.bids], [*answer.asks]) == (levels, levels[::-1])
    assert (answer.update_id, answer.age_ms, answer.trust) == (str(update_id), 2, "trusted")
    assert set(found) == {"type", *BookAnswer.__struct_fields__} - {"notice"}
