"""Coinbase Advanced Trade: every sample of the protocol sheet, its traps, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from coinbase_sheet import (
    BTC,
    CANDLE_ROW,
    ETH,
    NOW,
    TICKER_ROW,
    TIME_NS,
    TRADE_NS,
    ack,
    book,
    frame,
    heartbeat,
    level,
    row,
    trades,
    wire,
)

from bethna.core.errors import WireError
from bethna.core.market import BookDelta, BookSnapshot, Quote, Ticker, Trade, VenueCandle
from bethna.core.wire import Ack, Refusal, UnknownMessage, WireEvent
from bethna.venues.coinbase import ADVANCED_SPEC, AdvancedCodec
from bethna.venues.coinbase.advanced import AdvancedConnection

NO_BEST = {key: value for key, value in TICKER_ROW.items() if not key.startswith("best")}
SAID_TICKER = Ticker(
    BTC, 21932.98, None, 23011.18, 21835.29, 16038.28770938, None, -4.15775596190603, 21931.98, 21933.98, None,
    TIME_NS, NOW,
)  # fmt: skip


@pytest.fixture
def codec() -> AdvancedCodec:
    return AdvancedCodec()


@pytest.fixture
def connection(codec: AdvancedCodec) -> AdvancedConnection:
    return codec.connection(7)


def say(connection: AdvancedConnection, message: object) -> list[WireEvent]:
    return list(connection.decode(wire(message), NOW))


def kinds(events: Sequence[WireEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def unknown(events: Sequence[WireEvent]) -> str:
    (event,) = events
    assert isinstance(event, UnknownMessage)
    return event.kind


LEVELS = ([(83277.25, 0.5)], [(83277.26, 0.25)])
FACTS: list[tuple[dict[str, Any], list[WireEvent]]] = [
    (book(0), [BookDelta(BTC, -1, -1, *LEVELS, TIME_NS, NOW, 7)]),
    (book(5, "snapshot"), [BookSnapshot(BTC, -1, *LEVELS, NOW, 2, ts_event=TIME_NS, epoch=7, proven=0, counted=True)]),
    # The maker sold, so the taker bought.
    (trades(249, row(1100253573)), [Trade(BTC, 83320.66, 0.0041608, "buy", 1100253573, TRADE_NS, NOW)]),
    (trades(2, row(9, "BUY")), [Trade(BTC, 83320.66, 0.0041608, "sell", 9, TRADE_NS, NOW)]),
    (
        frame("ticker", 0, {"type": "snapshot", "tickers": [TICKER_ROW]}),
        [SAID_TICKER, Quote(BTC, 21931.98, 8000.21, 21933.98, 8038.07770938, None, TIME_NS, NOW)],
    ),
    (
        frame("ticker_batch", 0, {"type": "update", "tickers": [NO_BEST]}),
        [
            Ticker(
                BTC, 21932.98, None, 23011.18, 21835.29, 16038.28770938, None, -4.15775596190603, None, None, None,
                TIME_NS, NOW,
            )
        ],
    ),
    (
        frame("candles", 0, {"type": "snapshot", "candles": [CANDLE_ROW]}),
        [
            VenueCandle(
                ETH, "5m", 1688998200 * 10**9, 1867.38, 1867.72, 1865.63, 1866.81, 0.20269406, None, False, None, None,
                TIME_NS, NOW,
            )
        ],
    ),
    (heartbeat(3), []),
    (ack(7, level2=["BTC-USD", "ETH-USD"]), [Ack(None, ("level2:BTC-USD", "level2:ETH-USD"), "connection")]),
    (
        ack(2, heartbeats=["heartbeats"], level2=["BTC-PERP-INTX"], ticker=None),
        [Ack(None, ("heartbeats", "level2:BTC-PERP-INTX"), "connection")],
    ),
    ({"type": "error", "message": "failure to subscribe"}, [Refusal(None, None, "failure to subscribe")]),
]  # fmt: skip


@pytest.mark.parametrize(("message", "facts"), FACTS)
def test_a_sample_of_the_sheet(message: dict[str, Any], facts: list[WireEvent]) -> None:
    codec = AdvancedCodec()
    assert say(codec.connection(7), message) == facts
    assert say(codec.connection(7), {"client_id": "", **message}) == facts  # as it was until 2024
    turned = dict(reversed(message.items()))
    assert say(codec.connection(7), turned | {"news": [{"channel": 5}]}) == facts


def test_an_unknown_channel_is_refused_in_words_that_mislead(connection: AdvancedConnection) -> None:
    assert say(connection, {"type": "error", "message": "authentication failure"}) == [
        Refusal(None, None, "authentication failure")
    ]


def test_trades_are_given_in_the_order_of_their_ids(connection: AdvancedConnection) -> None:
    snapshot = say(connection, trades(0, row(12), row(11), row(10), kind="snapshot"))
    update = say(connection, trades(1, row(15), row(13), row(14), row(12)))
    ids = [fact.trade_id for fact in snapshot + update if isinstance(fact, Trade)]
    assert ids == [10, 11, 12, 12, 13, 14, 15]


def test_a_message_may_hold_several_events_of_several_products(connection: AdvancedConnection) -> None:
    both = frame("l2_data", 0, *book(0, "snapshot")["events"], *book(0, "update", "ETH-USD")["events"])
    snapshot, delta = say(connection, both)
    assert isinstance(snapshot, BookSnapshot)
    assert isinstance(delta, BookDelta)
    assert (snapshot.instrument, delta.instrument) == (BTC, ETH)
    mixed = say(connection, trades(1, row(8, product="ETH-USD"), row(9), row(7, product="ETH-USD")))
    assert [(fact.instrument, fact.trade_id) for fact in mixed if isinstance(fact, Trade)] == [
        (ETH, 7),
        (ETH, 8),
        (BTC, 9),
    ]


def test_the_whole_book_is_put_in_order(connection: AdvancedConnection) -> None:
    bids = [level("bid", f"{50_000 - n / 100:.2f}", "1") for n in range(22_677)]
    asks = [level("offer", f"{50_001 + n / 100:.2f}", "1") for n in range(21_000)]
    whole = {
        "type": "snapshot",
        "product_id": "BTC-USD",
        "updates": [*reversed(asks), level("bid", "1", "0"), *bids],
    }
    (snapshot,) = say(connection, frame("l2_data", 0, whole))
    assert isinstance(snapshot, BookSnapshot)
    assert (len(snapshot.bids), len(snapshot.asks), snapshot.limit) == (22_677, 21_000, 22_678)
    assert (snapshot.bids[0], snapshot.asks[0]) == ((50_000.0, 1.0), (50_001.0, 1.0))


def test_a_batch_keeps_the_order_of_a_levels_changes(connection: AdvancedConnection) -> None:
    changes = [
        level("bid", "5", "1"),
        level("offer", "6", "2"),
        level("bid", "5", "0"),
        level("bid", "4", "3"),
    ]
    (delta,) = say(
        connection, frame("l2_data", 0, {"type": "update", "product_id": "BTC-USD", "updates": changes})
    )
    assert isinstance(delta, BookDelta)
    assert (delta.bids, delta.asks) == ([(5.0, 1.0), (5.0, 0.0), (4.0, 3.0)], [(6.0, 2.0)])


def test_an_envelope_without_a_time(connection: AdvancedConnection) -> None:
    timeless = {"timestamp": "0001-01-01T00:00:00Z"}
    for number, expected in ((0, NOW), (2, TIME_NS)):
        (delta,) = say(connection, book(number) | timeless)
        assert isinstance(delta, BookDelta)
        assert delta.ts_event == expected
        say(connection, book(number + 1))
    with pytest.raises(WireError, match="expected the time of a trade"):
        say(connection, trades(4, row(1) | {"time": "0001-01-01T00:00:00Z"}))


def test_a_candle_is_closed_when_a_later_one_was_seen(connection: AdvancedConnection) -> None:
    def candles(number: int, *starts: int) -> list[tuple[int, bool]]:
        rows = [CANDLE_ROW | {"start": str(start)} for start in starts]
        facts = say(connection, frame("candles", number, {"type": "update", "candles": rows}))
        return [(fact.open_time // 10**9, fact.closed) for fact in facts if isinstance(fact, VenueCandle)]

    assert candles(0, 900, 600, 300) == [(300, True), (600, True), (900, False)]
    assert candles(1, 900) == [(900, False)]
    assert candles(2, 1200, 900) == [(900, True), (1200, False)]
    assert candles(3, 900) == [(900, True)]


def test_candles_of_products_that_a_venue_makes_up_do_not_pile_up(connection: AdvancedConnection) -> None:
    for number in range(5_000):
        made_up = CANDLE_ROW | {"product_id": f"C{number}-USD"}
        say(connection, frame("candles", number, {"type": "update", "candles": [made_up]}))
    assert len(connection._candles) <= 4_096


# --- what cannot be true


BAD: list[tuple[dict[str, Any], str, object]] = [
    *((heartbeat(0), "sequence_num", bad) for bad in (-1, 2**63, 1.5, True, None, "x")),
    (heartbeat(0), "channel", 5),
    (book(0), "events", None),
    (book(0), "timestamp", None),
    (trades(0, row(1)), "events", [{"trades": [{}]}]),
    *((trades(0, row(1)), "events", [{"trades": [row(1) | {"side": bad}]}]) for bad in ("buy", "OFFER", None)),
    *((trades(0, row(1)), "events", [{"trades": [row(1) | {"trade_id": bad}]}]) for bad in ("-1", "x", None)),
    *((trades(0, row(1)), "events", [{"trades": [row(1) | {"size": bad}]}]) for bad in ("-1", "inf", None)),
    *(
        (frame("ticker", 0), "events", [{"tickers": [TICKER_ROW | {key: "nan"}]}])
        for key in ("price", "best_bid", "best_ask_quantity", "price_percent_chg_24_h", "volume_24_h")
    ),
    *((frame("candles", 0), "events", [{"candles": [CANDLE_ROW | {"start": bad}]}]) for bad in ("-1", "9" * 12, None)),
    *((frame("candles", 0), "events", [{"candles": [CANDLE_ROW | {"low": bad}]}]) for bad in ("0", "nan")),
    (ack(0, level2=[]), "events", [{"subscriptions": {"level2": [5]}}]),
    ({"type": "error", "message": "x"}, "message", 5),
    ({"type": "error", "message": "x"}, "type", 5),
]  # fmt: skip


@pytest.mark.parametrize(("message", "field", "bad"), BAD)
def test_a_value_that_cannot_be_true_is_refused(
    codec: AdvancedCodec, message: dict[str, Any], field: str, bad: object
) -> None:
    say(codec.connection(1), message)
    with pytest.raises(WireError) as caught:
        say(codec.connection(2), message | {field: bad})
    assert caught.value.venue == "coinbase"
    assert wire(message | {field: bad}).decode().startswith(caught.value.excerpt)


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"5", b"[]", b"{", b'{"channel":"ticker"}', b'{"channel":"\xff"}', b"[" * 100_000]
)
def test_what_is_no_message_is_refused(connection: AdvancedConnection, raw: bytes) -> None:
    with pytest.raises(WireError):
        connection.decode(raw, NOW)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (frame("status", 0, {"type": "snapshot", "products": []}), "status"),
        ({"channel": "user", "events": []}, "user"),
        ({"channel": "x" * 500, "sequence_num": 0}, "x" * 80),
        ({"type": "news"}, "news"),
        ({"x": 1}, ""),
        (
            frame("ticker", 0, {"tickers": [TICKER_ROW | {"price": "0"}]}),
            "ticker of a product without trades",
        ),
    ],
)
def test_what_is_not_known_is_said_and_is_no_error(
    connection: AdvancedConnection, message: dict[str, Any], kind: str
) -> None:
    assert unknown(say(connection, message)) == kind


# --- greeting, answers and wants


def test_the_greeting_is_answered_like_anything_else(connection: AdvancedConnection) -> None:
    """Data comes before the answers, and they are counted with the data."""
    (greeting,) = connection.greeting()
    assert json.loads(greeting) == {"type": "subscribe", "channel": "heartbeats"}
    assert kinds(say(connection, book(0, "snapshot"))) == ["BookSnapshot"]
    assert say(connection, ack(1, heartbeats=["heartbeats"])) == [Ack(None, ("heartbeats",), "connection")]
    assert kinds(say(connection, book(2))) == ["BookDelta"]
    asked = ack(3, heartbeats=["heartbeats"], level2=["BTC-USD"])
    assert say(connection, asked) == [Ack(None, ("heartbeats", "level2:BTC-USD"), "connection")]
    assert kinds(say(connection, book(4))) == ["BookDelta"]


def test_data_of_an_alias_has_the_name_that_was_asked_for(codec: AdvancedCodec) -> None:
    connection = codec.connection(7)
    usdc = codec.instrument("BTC-USDC")
    for stream in codec.streams(usdc):
        codec.encode_subscribe([stream], 1)
    facts = (
        say(connection, book(0, "snapshot")) + say(connection, book(1)) + say(connection, trades(2, row(1)))
    )
    facts += say(connection, frame("ticker", 3, {"tickers": [NO_BEST]}))
    facts += say(connection, frame("candles", 4, {"candles": [CANDLE_ROW | {"product_id": "BTC-USD"}]}))
    facts += say(connection, book(9))
    assert kinds(facts) == ["BookSnapshot", "BookDelta", "Trade", "Ticker", "VenueCandle", "BookDoubt"]
    assert {getattr(fact, "instrument", None) for fact in facts} == {"BTC-USDC@coinbase"}
    (listed,) = say(connection, ack(10, level2=["BTC-USD"]))
    assert isinstance(listed, Ack)
    assert listed.subscriptions == ("level2:BTC-USD", "level2:BTC-USDC")
    codec.encode_subscribe(["level2:BTC-USD"], 2)
    both = say(connection, book(11, "snapshot"))
    assert [getattr(fact, "instrument", None) for fact in both] == ["BTC-USD@coinbase", "BTC-USDC@coinbase"]
    for stream in codec.streams(usdc):
        codec.encode_unsubscribe([stream], 3)
    (delta,) = say(connection, book(12))
    assert isinstance(delta, BookDelta)
    assert delta.instrument == BTC


def test_what_the_desk_needs(codec: AdvancedCodec) -> None:
    btc = codec.instrument("BTC-USD")
    assert codec.streams(btc) == ("market_trades:BTC-USD", "level2:BTC-USD", "ticker:BTC-USD")
    assert codec.streams(btc, ["books"]) == ("level2:BTC-USD",)
    assert codec.streams(btc, ["prices"]) == ("market_trades:BTC-USD", "ticker:BTC-USD")
    assert codec.streams(btc, ["trades"]) == codec.streams(btc, ["candles"]) == ("market_trades:BTC-USD",)
    assert codec.streams(btc, []) == ()
    assert [codec.batch_of(stream) for stream in codec.streams(btc)] == ["market_trades", "level2", "ticker"]
    assert {codec.stream_instrument(stream) for stream in codec.streams(btc)} == {BTC}
    assert codec.stream_instrument("heartbeats") is None


def test_control_messages(codec: AdvancedCodec) -> None:
    streams = ("level2:BTC-USD", "level2:ETH-USD")
    asked = {"channel": "level2", "product_ids": ["BTC-USD", "ETH-USD"]}
    assert json.loads(codec.encode_subscribe(streams, 1)) == {"type": "subscribe", **asked}
    assert json.loads(codec.encode_unsubscribe(streams, 2)) == {"type": "unsubscribe", **asked}
    assert json.loads(codec.encode_subscribe((), 3)) == {"type": "subscribe", "channel": "heartbeats"}
    assert codec.socket_path(()) == codec.socket_path(streams) == "/"


def test_the_rules_of_the_venue() -> None:
    assert (ADVANCED_SPEC.name, ADVANCED_SPEC.pushed_books, ADVANCED_SPEC.ordered_answers) == (
        "coinbase",
        True,
        True,
    )
    assert ADVANCED_SPEC.hosts[0].ws == "wss://advanced-trade-ws.coinbase.com"
