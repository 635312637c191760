"""The count of all messages of an Advanced Trade socket: what it proves of the books, and what is lost to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from coinbase_sheet import (
    BTC,
    ETH,
    NOW,
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
from bethna.core.market import BookDelta
from bethna.core.wire import BookDoubt, UnknownMessage, WireEvent
from bethna.venues.coinbase import AdvancedCodec
from bethna.venues.coinbase.advanced import AdvancedConnection
from bethna.venues.coinbase.counting import AFTER_LOSS, ANEW, LATE, NEXT, Count


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


# --- the count


def test_the_count_goes_over_all_channels_and_products(connection: AdvancedConnection) -> None:
    said = [
        book(0, "snapshot"),
        book(1, "snapshot", "ETH-USD"),
        book(2),
        ack(3, level2=["BTC-USD"]),
        trades(4, row(1)),
        heartbeat(5),
        book(6, product="ETH-USD"),
        frame("status", 7),
        book(8),
    ]
    assert "BookDoubt" not in [kind for message in said for kind in kinds(say(connection, message))]


@pytest.mark.parametrize("after", [trades(5, row(1)), heartbeat(5), ack(5), frame("status", 5), book(5)])
def test_a_missing_message_may_have_been_of_any_book(after: dict[str, Any]) -> None:
    connection = AdvancedCodec().connection(7)
    say(connection, book(0, "snapshot"))
    say(connection, book(1, "snapshot", "ETH-USD"))
    facts = say(connection, after)  # 2 to 4 are missing
    doubts = [fact for fact in facts if isinstance(fact, BookDoubt)]
    assert [(each.instrument, each.ts_recv, each.epoch) for each in doubts] == [(BTC, NOW, 7), (ETH, NOW, 7)]
    assert facts[:2] == doubts
    assert "BookDelta" not in kinds(facts)
    assert kinds(say(connection, trades(9, row(2)))) == ["Trade"]  # told once; trades go on
    assert say(connection, book(10)) == []
    assert kinds(say(connection, book(11, "snapshot"))) == ["BookSnapshot"]
    assert kinds(say(connection, book(12))) == ["BookDelta"]
    assert say(connection, book(13, product="ETH-USD")) == []
    assert kinds(say(connection, book(20))) == ["BookDoubt"]


def test_the_snapshot_after_a_loss_begins_its_book_anew(connection: AdvancedConnection) -> None:
    say(connection, book(0, "snapshot"))
    assert kinds(say(connection, book(3, "snapshot"))) == ["BookDoubt", "BookSnapshot"]
    assert kinds(say(connection, book(4))) == ["BookDelta"]


def test_who_begins_to_listen_later_believes_the_first_number(connection: AdvancedConnection) -> None:
    assert kinds(say(connection, book(248, "snapshot"))) == ["BookSnapshot"]
    assert kinds(say(connection, book(249))) == ["BookDelta"]


def test_a_late_message_is_too_late_for_a_book_only(connection: AdvancedConnection) -> None:
    for number in range(4):
        say(connection, book(number, "snapshot"))
    for late in (book(3), book(2, "snapshot")):
        assert unknown(say(connection, late)) == "out of order"
    assert kinds(say(connection, trades(1, row(1)))) == ["Trade"]
    assert kinds(say(connection, book(4))) == ["BookDelta"]


def test_one_false_number_does_not_make_a_socket_mute(connection: AdvancedConnection) -> None:
    say(connection, book(0, "snapshot"))
    assert kinds(say(connection, heartbeat(2**60))) == ["BookDoubt"]
    for number in range(2, 1 + ANEW):
        assert say(connection, heartbeat(number)) == []
    assert say(connection, heartbeat(1 + ANEW)) == []  # now they are believed
    assert kinds(say(connection, book(2 + ANEW, "snapshot"))) == ["BookSnapshot"]
    assert kinds(say(connection, book(3 + ANEW))) == ["BookDelta"]


def test_zero_begins_the_count_anew(connection: AdvancedConnection) -> None:
    say(connection, book(0, "snapshot"))
    say(connection, book(1))
    assert kinds(say(connection, book(0, "snapshot", "ETH-USD"))) == ["BookDoubt", "BookSnapshot"]
    assert kinds(say(connection, book(1, product="ETH-USD"))) == ["BookDelta"]
    assert say(connection, book(2)) == []


def test_late_ones_that_do_not_follow_each_other_are_not_believed(connection: AdvancedConnection) -> None:
    say(connection, book(100, "snapshot"))
    for number in (50, 52, 54, 56, 58, 60, 62):
        assert say(connection, heartbeat(number)) == []
    assert kinds(say(connection, book(101))) == ["BookDelta"]


def test_each_socket_has_its_own_count() -> None:
    codec = AdvancedCodec()
    one, two = codec.connection(1), codec.connection(2)
    for connection in (one, two):
        say(connection, book(0, "snapshot"))
    assert kinds(say(one, book(5))) == ["BookDoubt"]
    assert kinds(say(two, book(1))) == ["BookDelta"]


# --- what cannot be read


UNREADABLE: list[dict[str, Any]] = [
    book(2) | {"events": [{**book(2)["events"][0], "updates": [level("bid", "1", bad)]}]}
    for bad in ("-1", "nan", "0.-10000", "", "x")
] + [
    book(2) | {"events": [{**book(2)["events"][0], "updates": [level("ask", "1", "1")]}]},
    book(2) | {"events": [{**book(2)["events"][0], "type": "news"}]},
    book(2) | {"timestamp": "yesterday"},
    book(2, "snapshot")
    | {"events": [{**book(2, "snapshot")["events"][0], "updates": [level("bid", "1", "1")] * 2}]},
]


@pytest.mark.parametrize("message", UNREADABLE)
def test_only_the_book_that_is_named_is_in_doubt(message: dict[str, Any]) -> None:
    connection = AdvancedCodec().connection(7)
    say(connection, book(0, "snapshot"))
    say(connection, book(1, "snapshot", "ETH-USD"))
    with pytest.raises(WireError):
        say(connection, message)
    doubt, delta = say(connection, book(3, product="ETH-USD"))
    assert isinstance(doubt, BookDoubt)
    assert doubt.instrument == BTC
    assert isinstance(delta, BookDelta)
    assert say(connection, book(4)) == []


def test_where_no_book_is_named_any_may_be_meant(connection: AdvancedConnection) -> None:
    say(connection, book(0, "snapshot"))
    with pytest.raises(WireError):
        say(connection, book(1) | {"events": [{"type": "update"}]})
    assert kinds(say(connection, heartbeat(2))) == ["BookDoubt"]


def test_a_trade_that_cannot_be_read_harms_no_book(connection: AdvancedConnection) -> None:
    say(connection, book(0, "snapshot"))
    with pytest.raises(WireError):
        say(connection, trades(1, row(1) | {"price": "nan"}))
    with pytest.raises(WireError):
        say(connection, trades(2, row(1) | {"product_id": "?"}))
    assert kinds(say(connection, book(3))) == ["BookDelta"]


@pytest.mark.parametrize("raw", [b"{", b"<html>", wire(book(1))[:-1], wire(book(1) | {"sequence_num": "x"})])
def test_what_has_no_number_is_missed_by_the_next(raw: bytes) -> None:
    connection = AdvancedCodec().connection(7)
    say(connection, book(0, "snapshot"))
    with pytest.raises(WireError):
        connection.decode(raw, NOW)
    assert kinds(say(connection, book(2))) == ["BookDoubt"]


def test_a_late_one_that_cannot_be_read_harms_no_book(connection: AdvancedConnection) -> None:
    say(connection, book(5, "snapshot"))
    with pytest.raises(WireError):
        say(connection, UNREADABLE[0])
    assert kinds(say(connection, book(6))) == ["BookDelta"]


def test_where_each_message_stands() -> None:
    count = Count()
    said = [
        *((5, NEXT), (6, NEXT), (9, AFTER_LOSS), (10, NEXT), (100, AFTER_LOSS)),
        *((11, LATE), (12, LATE), (13, LATE), (14, LATE), (15, AFTER_LOSS), (16, NEXT)),  # five are believed
        *((4, LATE), (5, LATE), (6, LATE), (7, LATE), (17, NEXT), (8, LATE)),  # what goes on is not disturbed
        *((9, LATE), (10, LATE), (12, LATE), (13, LATE), (18, NEXT), (0, AFTER_LOSS), (1, NEXT)),
    ]
    assert [(number, count.take(number)) for number, _ in said] == said
