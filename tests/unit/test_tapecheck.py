"""Whether a tape is one recording as it was made, and the numbers of its sockets when several venues speak."""

from __future__ import annotations

from typing import Any

import pytest

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.net.tap import SharedTap
from bethna.services.tapecheck import FEW_STEPS, LOOKS, TapeCheck, TapeFault
from bethna.store.tapeline import Kind, TapeEntry
from bethna.venues.deribit import DeribitCodec

START = 1_700_000_000 * NS_PER_S
TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":1,"p":"1.0","q":"1.0",'
    b'"T":1700000000000,"m":true,"M":true}}'
)


def entry(line: int, at_s: float, raw: bytes = b"{}", kind: Kind = "rx", conn: int = 1) -> TapeEntry:
    return TapeEntry(START + round(at_s * NS_PER_S), conn, kind, None, raw, line)


def faults(entries: list[TapeEntry]) -> list[TapeFault]:
    check = TapeCheck()
    for each in entries:
        check.entry(each)
    return list(check.faults())


def test_lines_in_their_order_have_no_fault() -> None:
    assert faults([]) == []
    times = (0.0, 1.0, 1.0, 2.0)
    assert faults([entry(i, at, b"%d" % i) for i, at in enumerate(times, 1)]) == []


@pytest.mark.parametrize(
    ("steps", "back_s", "most"),
    [
        (1, 1.0, None),
        (FEW_STEPS, 1.0, None),
        (FEW_STEPS + 1, 1.0, State.UNVERIFIED),
        (1, 6.0, State.UNVERIFIED),
    ],
)
def test_a_few_small_steps_back_are_told_and_no_more(steps: int, back_s: float, most: State | None) -> None:
    times = [
        at for i in range(steps) for at in (10.0 * i, 10.0 * i + 9, 10.0 * i + 9 - back_s, 10.0 * i + 9.5)
    ]
    (fault,) = faults([entry(i, at, b"%d" % i) for i, at in enumerate(times, 1)])
    assert (fault.code, fault.line, fault.times, fault.most) == ("backwards", 3, steps, most)


def test_a_socket_that_is_opened_after_it_spoke_is_of_another_recording() -> None:
    entries = [entry(1, 0), entry(2, 1, kind="open", conn=2), entry(3, 2, kind="open", conn=1)]
    (fault,) = faults(entries)
    assert (fault.code, fault.line, fault.most) == ("reopened", 3, State.INCOMPLETE)


def test_sockets_of_a_tape_upside_down_are_not_of_another_recording() -> None:
    entries = [entry(i, -i, b"%d" % i, "open" if i == 4 else "rx") for i in range(1, 5)]
    (fault,) = faults(entries)
    assert (fault.code, fault.times, fault.most) == ("backwards", 3, State.UNVERIFIED)
    assert fault.message.endswith("the lines stand in reverse")


def test_a_frame_that_only_another_language_can_read_is_of_that_venue() -> None:
    check = TapeCheck()
    for line in range(LOOKS + 50):
        check.misread(entry(line, line, TRADE), "deribit", DeribitCodec())
    (fault,) = check.faults()
    assert (fault.code, fault.times, fault.line) == ("stranger", LOOKS, 0)
    assert fault.message.startswith("frames of binance inside a tape of deribit at line 0")
    rubbish = TapeCheck()
    rubbish.misread(entry(1, 0, b"\xff{"), "deribit", DeribitCodec())
    assert rubbish.faults() == []


class Heard:
    """A tap that keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def opened(self, conn: int, url: str, ts: int, wire: str | None = None) -> None:
        self.said.append(("opened", conn, url, ts, wire))

    def received(self, conn: int, raw: bytes, ts: int) -> None:
        self.said.append(("received", conn, raw, ts))

    def sent(self, conn: int, text: str, ts: int) -> None:
        self.said.append(("sent", conn, text, ts))

    def http(self, url: str, raw: bytes, ts: int, wire: str | None = None) -> None:
        self.said.append(("http", url, raw, ts, wire))

    def closed(self, conn: int, reason: str, ts: int) -> None:
        self.said.append(("closed", conn, reason, ts))


def test_sockets_of_two_venues_with_one_number_have_two_on_the_tape() -> None:
    heard = Heard()
    shared = SharedTap(heard)
    one, other = shared.part("binance"), shared.part("kraken")
    one.opened(1, "wss://a", 1)
    other.opened(1, "wss://b", 2)
    other.sent(1, "subscribe", 3)
    one.received(1, b"of a", 4)
    other.received(1, b"of b", 5)
    one.closed(1, "over", 6)
    one.opened(2, "wss://a", 7)
    other.http("https://b", b"{}", 8)
    assert heard.said == [
        ("opened", 1, "wss://a", 1, "binance"), ("opened", 2, "wss://b", 2, "kraken"), ("sent", 2, "subscribe", 3),
        ("received", 1, b"of a", 4), ("received", 2, b"of b", 5), ("closed", 1, "over", 6),
        ("opened", 3, "wss://a", 7, "binance"), ("http", "https://b", b"{}", 8, "kraken"),
    ]  # fmt: skip


def test_a_tape_that_starts_over_is_looked_at_anew() -> None:
    check = TapeCheck()
    for each in (entry(1, 9), entry(2, 0, b"[]")):
        check.entry(each)
    assert len(check.faults()) == 1
    check.begin_again()
    check.entry(entry(1, 9))
    assert check.faults() == []
