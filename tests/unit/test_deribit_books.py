"""A healthy book of Deribit is trusted at once, however far its ids jump, and stays so."""

from __future__ import annotations

import json
from typing import Any

from bethna.core.coverage import Gap
from bethna.core.market import BookDelta, BookSnapshot
from bethna.core.status import Trust
from bethna.logic.booksync import BookSync
from bethna.logic.gaplog import MAX_JUMP
from bethna.venues.deribit import DeribitCodec

MS = 1_000_000
T = 1789344930088
NAME = "BTC-15SEP26-77000-C"
FIRST = 118850965713
FAR = 3 * MAX_JUMP
"""As many updates of other books come between two of one: 15065 in 7 s of an option on the testnet."""


class Heard:
    """What the machine tells."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def book_gap(self, gap: Gap, ts: int) -> None:
        self.told.append(f"gap {gap.first_id} {gap.last_id}")

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        self.told.append(trust)

    def want_snapshot(self, reason: str, ts: int) -> None:
        self.told.append(f"want: {reason}")


class Desk:
    """One book behind the codec."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.moved: list[BookDelta] = []
        self.sync = BookSync(self.moved.append, self.heard, patience_ns=5000 * MS, max_held=100)
        self.connection = DeribitCodec().connection(1)
        self.clock = T

    def hear(self, **data: Any) -> None:
        self.clock += 100
        body = {"timestamp": self.clock, "instrument_name": NAME, "asks": [], "bids": [], **data}
        message = {
            "jsonrpc": "2.0",
            "method": "subscription",
            "params": {"channel": f"book.{NAME}.100ms", "data": body},
        }
        for event in self.connection.decode(json.dumps(message).encode(), self.clock * MS):
            if isinstance(event, BookSnapshot):
                self.sync.snapshot(event)
            else:
                assert isinstance(event, BookDelta)
                self.sync.apply(event)
            self.sync.tick(self.clock * MS)

    def snapshot(self, change_id: int) -> None:
        levels = {"bids": [["new", 0.0065, 10.0]], "asks": [["new", 0.0075, 10.0]]}
        self.hear(type="snapshot", change_id=change_id, **levels)

    def change(self, before: int, change_id: int, bids: list[Any]) -> None:
        self.hear(type="change", prev_change_id=before, change_id=change_id, bids=bids)


def test_a_snapshot_and_its_changes_are_trusted_at_once_however_far_the_ids_jump() -> None:
    desk = Desk()
    desk.snapshot(FIRST)
    for number in range(20):
        before = FIRST + number * FAR
        desk.change(before, before + FAR, [["new", 0.006, 1.0 + number]])
    assert desk.heard.told == [Trust.TRUSTED]
    assert len(desk.moved) == 20
    assert desk.sync.book is not None
    assert desk.sync.book.top(10) == ([(0.0065, 10.0), (0.006, 20.0)], [(0.0075, 10.0)])
    assert desk.sync.book.update_id == FIRST + 20 * FAR
    assert desk.sync.log.strays == desk.sync.log.found == 0


def test_a_snapshot_in_the_middle_replaces_the_book() -> None:
    desk = Desk()
    desk.snapshot(FIRST)
    desk.change(FIRST, FIRST + FAR, [["new", 0.006, 1.0]])
    desk.snapshot(FIRST + 2 * FAR)
    desk.change(FIRST + 2 * FAR, FIRST + 3 * FAR, [["delete", 0.0065, 0.0], ["new", 0.005, 2.0]])
    assert desk.heard.told == [Trust.TRUSTED]
    assert desk.sync.book is not None
    assert desk.sync.book.top(10) == ([(0.005, 2.0)], [(0.0075, 10.0)])


def test_a_lost_change_is_a_gap_and_the_venues_book_by_request_mends_it() -> None:
    desk = Desk()
    desk.snapshot(FIRST)
    desk.change(FIRST, FIRST + 50, [["new", 0.006, 1.0]])
    desk.change(FIRST + 90, FIRST + 140, [["new", 0.006, 3.0]])  # the one from +50 to +90 did not come
    assert desk.heard.told == [Trust.TRUSTED, f"gap {FIRST + 51} {FIRST + 90}", Trust.SYNCING, "want: gap"]
    body = {
        "timestamp": desk.clock, "instrument_name": NAME, "change_id": FIRST + 120,
        "bids": [[0.0064, 2.0]], "asks": [[0.0075, 1.0]],
    }  # fmt: skip
    path = f"/api/v2/public/get_order_book?instrument_name={NAME}&depth=1000"
    (snapshot,) = DeribitCodec().decode_http(path, json.dumps({"result": body}).encode(), desk.clock * MS)
    assert isinstance(snapshot, BookSnapshot)
    desk.sync.snapshot(snapshot)  # between two ids of the stream, as it falls
    assert desk.heard.told[-1] == Trust.TRUSTED
    assert desk.sync.book is not None
    assert desk.sync.book.top(10)[0] == [(0.0064, 2.0), (0.006, 3.0)]
    desk.change(FIRST + 140, FIRST + 140 + FAR, [["change", 0.0064, 5.0]])
    assert desk.heard.told[-1] == Trust.TRUSTED
    assert desk.sync.book.top(1)[0] == [(0.0064, 5.0)]
