"""Coinbase Exchange: every sample of the protocol sheet, frame in and fact out, its traps, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from coinbase_sheet import (
    BTC,
    EXCHANGE_NS,
    EXCHANGE_TIME,
    HEARTBEAT,
    MATCH,
    NOW,
    SNAPSHOT,
    TICKER,
    UPDATE,
    wire,
)

from bethna.core.errors import WireError
from bethna.core.market import (
    UNNUMBERED,
    BookDelta,
    BookSnapshot,
    InstrumentId,
    LastTrade,
    Quote,
    Ticker,
    Trade,
)
from bethna.core.wire import Ack, BookDoubt, Refusal, UnknownMessage, WireEvent
from bethna.venues.coinbase import SPEC, ExchangeCodec
from bethna.venues.coinbase.books import MOST_BOOKS, MOST_TURNS
from bethna.venues.coinbase.exchange import ExchangeConnection

BAND = InstrumentId("BAND-GBP@coinbase")
SAID_TICKER = Ticker(
    BAND,
    14.7775,
    14.6647,
    16.55,
    14.3691,
    94381.28,
    None,
    None,
    14.755,
    14.806,
    None,
    EXCHANGE_NS,
    NOW,
    881613,
)

FACTS: list[tuple[dict[str, Any], list[WireEvent]]] = [
    (
        SNAPSHOT,
        [
            BookSnapshot(
                BTC, UNNUMBERED, [(10101.10, 0.4505414)], [(10102.55, 0.57753524)], NOW, 2, epoch=7, proven=0
            )
        ],
    ),
    (UPDATE, [BookDelta(BTC, -1, -1, [(83404.0, 0.7)], [(83421.13, 0.0)], EXCHANGE_NS, NOW, 7)]),
    (
        UPDATE | {"changes": [["sell", "2", "1"]]},
        [BookDelta(BTC, -1, -1, [], [(2.0, 1.0)], EXCHANGE_NS, NOW, 7)],
    ),
    (UPDATE | {"changes": [["buy", "2", "1"]]}, [BookDelta(BTC, -1, -1, [(2.0, 1.0)], [], EXCHANGE_NS, NOW, 7)]),
    (UPDATE | {"changes": []}, [BookDelta(BTC, -1, -1, [], [], EXCHANGE_NS, NOW, 7)]),
    # The maker sold, so the taker bought.
    (MATCH, [Trade(BTC, 83420.99, 0.00005934, "buy", 1100243487, EXCHANGE_NS, NOW)]),
    (MATCH | {"side": "buy"}, [Trade(BTC, 83420.99, 0.00005934, "sell", 1100243487, EXCHANGE_NS, NOW)]),
    (MATCH | {"type": "last_match"}, [Trade(BTC, 83420.99, 0.00005934, "buy", 1100243487, EXCHANGE_NS, NOW)]),
    (HEARTBEAT, [LastTrade(BTC, 1100243487, EXCHANGE_NS, NOW)]),
    (TICKER, [SAID_TICKER]),
    (
        TICKER | {"best_bid_size": "2.5", "best_ask_size": "0.5"},
        [SAID_TICKER, Quote(BAND, 14.755, 2.5, 14.806, 0.5, None, EXCHANGE_NS, NOW)],
    ),
    (
        TICKER | {"best_bid": "0", "best_bid_size": "0", "best_ask_size": "0.5", "open_24h": "0"},
        [
            Ticker(
                BAND, 14.7775, None, 16.55, 14.3691, 94381.28, None, None, None, 14.806, None, EXCHANGE_NS, NOW, 881613
            )
        ],
    ),
    ({"type": "subscriptions", "channels": []}, [Ack(None, (), "connection")]),
    (
        {
            "type": "subscriptions",
            "channels": [
                {"name": "level2_batch", "product_ids": ["ETH-USD"]},
                {"name": "matches", "product_ids": ["BTC-USD", "ETH-USD"]},
                {"name": "status"},
                {"name": "ticker", "product_ids": None},
            ],
        },
        [Ack(None, ("level2_batch:ETH-USD", "matches:BTC-USD", "matches:ETH-USD"), "connection")],
    ),
    (
        {"type": "error", "message": "Failed to subscribe", "reason": "channels are limited"},
        [Refusal(None, None, "Failed to subscribe: channels are limited")],
    ),
    ({"type": "error", "message": "Malformed JSON"}, [Refusal(None, None, "Malformed JSON")]),
]  # fmt: skip


@pytest.fixture
def connection() -> ExchangeConnection:
    return ExchangeCodec().connection(7)


def say(connection: ExchangeConnection, message: object) -> list[WireEvent]:
    return list(connection.decode(wire(message), NOW))


def unknown(events: Sequence[WireEvent]) -> str:
    (event,) = events
    assert isinstance(event, UnknownMessage)
    return event.kind


@pytest.mark.parametrize(("frame", "facts"), FACTS)
def test_a_sample_of_the_sheet(
    connection: ExchangeConnection, frame: dict[str, Any], facts: list[WireEvent]
) -> None:
    assert say(connection, frame) == facts
    turned = dict(reversed(frame.items()))  # the kind stands last
    assert say(ExchangeCodec().connection(7), turned | {"news": [{"type": "match"}]}) == facts


def test_the_same_trade_has_another_side_in_the_ticker(connection: ExchangeConnection) -> None:
    """`ticker.side` is the taker's: trade 881613 is `buy` there and `sell` as last_match."""
    last = {**MATCH, "type": "last_match", "product_id": "BAND-GBP", "trade_id": 881613, "side": "sell"}
    (trade,) = say(connection, last)
    assert isinstance(trade, Trade)
    assert trade.side == TICKER["side"] == "buy"
    assert not any(isinstance(fact, Trade) for fact in say(connection, TICKER))


def test_the_last_match_and_the_next_one_are_neighbours(connection: ExchangeConnection) -> None:
    first = say(connection, MATCH | {"type": "last_match"})
    second = say(connection, MATCH | {"trade_id": 1100243488})
    assert [fact.trade_id for fact in first + second if isinstance(fact, Trade)] == [1100243487, 1100243488]


def test_the_whole_book_is_put_in_order(connection: ExchangeConnection) -> None:
    (book,) = say(
        connection,
        SNAPSHOT
        | {
            "bids": [["1", "1"], ["3", "2"], ["2", "0"]],
            "asks": [["6", "1"], ["5", "2"], ["7", "1"]],
            "time": EXCHANGE_TIME,
        },
    )
    assert isinstance(book, BookSnapshot)
    assert book.bids == [(3.0, 2.0), (1.0, 1.0)]
    assert book.asks == [(5.0, 2.0), (6.0, 1.0), (7.0, 1.0)]
    assert (book.limit, book.ts_event, book.partial) == (4, EXCHANGE_NS, False)


def test_a_book_of_tens_of_thousands_of_levels(connection: ExchangeConnection) -> None:
    bids = [[f"{50_000 - n / 100:.2f}", "1.00000000"] for n in range(30_000)]
    asks = [[f"{50_001 + n / 100:.2f}", "1.00000000"] for n in range(25_000)]
    (book,) = say(connection, SNAPSHOT | {"bids": bids, "asks": asks})
    assert isinstance(book, BookSnapshot)
    assert (len(book.bids), len(book.asks), book.limit) == (30_000, 25_000, 30_001)
    assert (book.bids[0], book.bids[-1], book.asks[-1]) == (
        (50_000.0, 1.0),
        (49_700.01, 1.0),
        (50_250.99, 1.0),
    )


def test_an_empty_book_is_a_book(connection: ExchangeConnection) -> None:
    (book,) = say(connection, SNAPSHOT | {"bids": [], "asks": []})
    assert isinstance(book, BookSnapshot)
    assert (book.bids, book.asks, book.limit) == ([], [], 1)


# --- times that are none


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", None])
def test_a_change_without_a_time_is_true_all_the_same(
    connection: ExchangeConnection, time: str | None
) -> None:
    timeless = UPDATE | {"time": time}
    (first,) = say(connection, timeless)
    assert isinstance(first, BookDelta)
    assert first.ts_event == NOW  # nothing was heard before
    say(connection, MATCH)
    for frame in (timeless, HEARTBEAT | {"time": time}, TICKER | {"time": time}):
        (fact,) = say(connection, frame)
        assert isinstance(fact, BookDelta | LastTrade | Ticker)
        assert fact.ts_event == EXCHANGE_NS


def test_a_trade_without_a_time_is_refused(connection: ExchangeConnection) -> None:
    with pytest.raises(WireError, match="expected the time of a trade"):
        say(connection, MATCH | {"time": "0001-01-01T00:00:00.000000Z"})
    with pytest.raises(WireError, match="time"):
        say(connection, {key: value for key, value in MATCH.items() if key != "time"})


# --- what is lost to a book


LOST: list[bytes] = [
    wire(UPDATE | {"changes": [["sell", "0.5", "0.-10000"]], "time": "0001-01-01T00:00:00.000000Z"}),
    wire(UPDATE | {"changes": [["buy", "1", "-1"]]}),
    wire(UPDATE | {"changes": [["bid", "1", "1"]]}),
    wire(UPDATE | {"time": "yesterday"}),
    wire(UPDATE)[:60],
    wire(SNAPSHOT | {"bids": [["1", "1"], ["1", "2"]]}),
]


@pytest.mark.parametrize("frame", LOST)
def test_a_change_that_cannot_be_read_leaves_its_book_in_doubt(frame: bytes) -> None:
    connection = ExchangeCodec().connection(7)
    for product in ("BTC-USD", "ETH-USD"):
        say(connection, SNAPSHOT | {"product_id": product})
    with pytest.raises(WireError):
        connection.decode(frame, NOW)
    doubt, delta = say(connection, UPDATE | {"product_id": "ETH-USD"})
    assert isinstance(doubt, BookDoubt)
    assert (doubt.instrument, doubt.ts_recv, doubt.epoch) == (BTC, NOW, 7)
    assert "cannot be read" in doubt.reason
    assert isinstance(delta, BookDelta)  # the other book lives
    assert say(connection, UPDATE) == []  # once, and nothing more of it
    (trade,) = say(connection, MATCH)
    assert isinstance(trade, Trade)
    with pytest.raises(WireError):
        connection.decode(frame, NOW)  # it is in doubt already
    (book,) = say(connection, SNAPSHOT)
    assert isinstance(book, BookSnapshot)
    (delta,) = say(connection, UPDATE)
    assert isinstance(delta, BookDelta)


def at(second: int) -> dict[str, object]:
    return UPDATE | {"time": f"2026-09-30T02:03:{second:02}.763929Z"}


def test_a_change_behind_a_later_one_leaves_its_book_in_doubt() -> None:
    connection = ExchangeCodec().connection(7)
    say(connection, SNAPSHOT)
    for second in (13, 14, 14):
        assert isinstance(say(connection, at(second))[0], BookDelta)
    (doubt,) = say(connection, at(13))
    assert isinstance(doubt, BookDoubt)
    assert doubt.reason == "a change came 1000.000 ms behind a later one"
    assert say(connection, at(15)) == []
    say(connection, SNAPSHOT)
    assert isinstance(say(connection, at(12))[0], BookDelta), "the snapshot begins anew"


def test_times_that_run_back_again_and_again_are_not_believed() -> None:
    connection = ExchangeCodec().connection(7)
    for _ in range(MOST_TURNS):
        say(connection, SNAPSHOT)
        say(connection, at(14))
        assert isinstance(say(connection, at(13))[0], BookDoubt)
    say(connection, SNAPSHOT)
    say(connection, at(14))
    assert isinstance(say(connection, at(13))[0], BookDelta)


def test_the_doubt_comes_before_the_snapshot_that_ends_it(connection: ExchangeConnection) -> None:
    say(connection, SNAPSHOT)
    with pytest.raises(WireError):
        connection.decode(LOST[0], NOW)
    doubt, book = say(connection, SNAPSHOT)
    assert isinstance(doubt, BookDoubt)
    assert isinstance(book, BookSnapshot)


@pytest.mark.parametrize("frame", [*LOST, b"", b"<html>", b"{", wire(MATCH | {"price": "0"})])
def test_where_no_book_began_none_is_in_doubt(frame: bytes) -> None:
    connection = ExchangeCodec().connection(7)
    with pytest.raises(WireError):
        connection.decode(frame, NOW)
    (delta,) = say(connection, UPDATE)
    assert isinstance(delta, BookDelta)


@pytest.mark.parametrize("frame", [b"", b"<html>", b"{", wire(MATCH | {"price": "0"}), b'{"type":"ticker"}'])
def test_what_names_no_book_says_nothing_of_one(connection: ExchangeConnection, frame: bytes) -> None:
    say(connection, SNAPSHOT)
    with pytest.raises(WireError):
        connection.decode(frame, NOW)
    (delta,) = say(connection, UPDATE)
    assert isinstance(delta, BookDelta)


def test_each_socket_has_its_own_books() -> None:
    codec = ExchangeCodec()
    one, two = codec.connection(1), codec.connection(2)
    for connection in (one, two):
        say(connection, SNAPSHOT)
    with pytest.raises(WireError):
        one.decode(LOST[0], NOW)
    (delta,) = say(two, UPDATE)
    assert isinstance(delta, BookDelta)
    assert delta.epoch == 2


def test_books_do_not_pile_up(connection: ExchangeConnection) -> None:
    for number in range(MOST_BOOKS):
        say(connection, SNAPSHOT | {"product_id": f"C{number}-USD"})
    with pytest.raises(WireError, match="at most"):
        say(connection, SNAPSHOT)
    say(connection, SNAPSHOT | {"product_id": "C1-USD"})


# --- what is not known, and what is wrong


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (
            {"type": "open", "side": "sell", "price": "1", "product_id": "BTC-USD", "time": EXCHANGE_TIME},
            "open",
        ),
        *(
            ({"type": kind, "product_id": "BTC-USD"}, kind)
            for kind in ("received", "done", "change", "activate")
        ),
        ({"type": "status", "products": [], "currencies": []}, "status"),
        ({"type": "rfq_match"}, "rfq_match"),
        ({"bids": [], "asks": [], "sequence": 1}, ""),
        ({"type": "x" * 500}, "x" * 80),
        (TICKER | {"price": "0"}, "ticker of a product without trades"),
    ],
)
def test_what_is_not_known_is_said_and_is_no_error(
    connection: ExchangeConnection, frame: dict[str, Any], kind: str
) -> None:
    assert unknown(say(connection, frame)) == kind


BAD_OF_A_MATCH: dict[str, tuple[object, ...]] = {
    "price": ("0", "-1", "nan", "inf", "", "1,5", True, None, [], "1e999"),
    "size": ("-0.1", "nan", "0.-10000", None),
    "trade_id": (-1, 2**63, 1.5, True, None, "x"),
    "side": ("BUY", "offer", "", None, 1),
    "time": ("", "2026-02-30T00:00:00Z", "2300-01-01T00:00:00Z", 5, None),
    "product_id": ("", "BTC", "btc-usd", 5, None, "B" * 60 + "-USD"),
    "type": (5, None),
}
BAD: list[tuple[dict[str, Any], str, object]] = [
    *((MATCH, field, bad) for field, values in BAD_OF_A_MATCH.items() for bad in values),
    (HEARTBEAT, "last_trade_id", -1),
    (HEARTBEAT, "last_trade_id", None),
    (HEARTBEAT, "last_trade_id", 2**63),
    (TICKER, "price", "-1"),
    (TICKER, "price", None),
    *((TICKER, key, "nan") for key in ("best_bid", "best_ask", "open_24h", "volume_24h", "best_bid_size")),
    (TICKER, "trade_id", -1),
    (UPDATE, "changes", [["buy", "0", "1"]]),
    (UPDATE, "changes", [["buy", "1"]]),
    (UPDATE, "changes", None),
    (SNAPSHOT, "bids", [["nan", "1"]]),
    (SNAPSHOT, "asks", None),
    (SNAPSHOT, "time", "x"),
    ({"type": "subscriptions", "channels": []}, "channels", [5]),
    ({"type": "error", "message": "x"}, "message", 5),
]


@pytest.mark.parametrize(("frame", "field", "bad"), BAD)
def test_a_value_that_cannot_be_true_is_refused(
    connection: ExchangeConnection, frame: dict[str, Any], field: str, bad: object
) -> None:
    say(connection, frame)
    with pytest.raises(WireError) as caught:
        say(connection, frame | {field: bad})
    assert caught.value.venue == "coinbase"
    assert wire(frame | {field: bad}).decode().startswith(caught.value.excerpt)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"5",
        b"[]",
        b'"text"',
        b"{",
        b'{"type":"match"}',
        b'{"type":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(connection: ExchangeConnection, raw: bytes) -> None:
    with pytest.raises(WireError):
        connection.decode(raw, NOW)


# --- answers and wants


def test_the_book_channel_is_answered_by_another_name(connection: ExchangeConnection) -> None:
    listed = {"name": "level2_50", "product_ids": ["ETH-USD"], "account_ids": None}
    (ack,) = say(connection, {"type": "subscriptions", "channels": [listed]})
    assert ack == Ack(None, ("level2_batch:ETH-USD",), "connection")


@pytest.mark.parametrize("reason", ["FOO-USD is not a valid product", "FOO-USD is delisted"])
def test_an_error_that_names_a_product_refuses_that_one(connection: ExchangeConnection, reason: str) -> None:
    (refusal,) = say(connection, {"type": "error", "message": "Failed to subscribe", "reason": reason})
    assert isinstance(refusal, Refusal)
    assert refusal.streams == ExchangeCodec().streams(ExchangeCodec().instrument("FOO-USD"))
    assert refusal.message == f"Failed to subscribe: {reason}"


def test_an_error_of_a_channel_refuses_all_that_was_asked(connection: ExchangeConnection) -> None:
    reason = "level2, level3, and full channels now require authentication."
    (refusal,) = say(connection, {"type": "error", "message": "Failed to subscribe", "reason": reason})
    assert isinstance(refusal, Refusal)
    assert refusal.streams == ()
    odd = {"type": "error", "message": "Failed to subscribe", "reason": "matches is not a valid product"}
    (refusal,) = say(connection, odd)
    assert isinstance(refusal, Refusal)
    assert refusal.streams == ()


def test_what_the_desk_needs() -> None:
    codec = ExchangeCodec()
    btc = codec.instrument("BTC-USD")
    assert codec.streams(btc) == (
        "matches:BTC-USD",
        "level2_batch:BTC-USD",
        "ticker:BTC-USD",
        "heartbeat:BTC-USD",
    )
    assert codec.streams(btc, ["books"]) == ("level2_batch:BTC-USD", "heartbeat:BTC-USD")
    assert codec.streams(btc, ["prices"]) == ("matches:BTC-USD", "ticker:BTC-USD", "heartbeat:BTC-USD")
    assert codec.streams(btc, ["candles"]) == ("matches:BTC-USD", "heartbeat:BTC-USD")
    assert codec.streams(btc, ["trades"]) == codec.streams(btc, ["candles"])
    assert codec.streams(btc, []) == ()
    for stream in codec.streams(btc):
        assert codec.stream_instrument(stream) == BTC
        assert codec.batch_of(stream) == codec.batch_of("matches:ETH-USD")
    assert codec.stream_instrument("status") is None


def test_control_messages() -> None:
    codec = ExchangeCodec()
    streams = ("matches:BTC-USD", "ticker:BTC-USD", "matches:ETH-USD")
    channels = [
        {"name": "matches", "product_ids": ["BTC-USD", "ETH-USD"]},
        {"name": "ticker", "product_ids": ["BTC-USD"]},
    ]
    assert json.loads(codec.encode_subscribe(streams, 1)) == {"type": "subscribe", "channels": channels}
    assert json.loads(codec.encode_unsubscribe(streams, 2)) == {"type": "unsubscribe", "channels": channels}
    assert codec.socket_path(()) == codec.socket_path(streams) == "/"
    assert codec.connection(1).greeting() == ()


def test_the_rules_of_the_venue() -> None:
    assert (SPEC.pushed_books, SPEC.ordered_answers, SPEC.url_streams) == (True, True, 0)
    assert SPEC.hosts[0].ws == "wss://ws-feed.exchange.coinbase.com"
