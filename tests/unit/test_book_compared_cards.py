"""When a snapshot of the venue last agreed with a book: the same on the desk, on the wire, at a client, in `status`."""

from __future__ import annotations

import msgspec
from _memorydesk import MemoryDesk
from msgspec.structs import replace

from bethna.api.answers import health_answer
from bethna.api.protocol import HealthAnswer
from bethna.cli.standing import Standing, lines_of
from bethna.client.remote_facts import feed_of
from bethna.core.clock import NS_PER_S
from bethna.core.market import InstrumentId

BTC, ETH = InstrumentId("BTC-USD@coinbase"), InstrumentId("ETH-USD@coinbase")


def told() -> tuple[HealthAnswer, int]:
    """What a client reads of a desk whose first book was compared 12 s ago and whose second never was; and when."""
    health = health_answer(MemoryDesk([BTC, ETH]))
    agreed = health.now - 12 * 1_000_000
    cards = dict(health.instruments)
    cards[BTC] = replace(cards[BTC], book_compared=agreed, book_compared_levels=200)
    wire = msgspec.json.encode(replace(health, instruments=cards))
    return msgspec.json.decode(wire, type=HealthAnswer), agreed


def test_a_client_has_the_time_and_the_levels_of_the_desk() -> None:
    health, agreed = told()
    found = feed_of(BTC, health.instruments[BTC])
    assert (found.book_compared, found.book_compared_levels) == (agreed * NS_PER_S // 1_000_000, 200)
    assert feed_of(ETH, health.instruments[ETH]).book_compared is None


def test_status_says_how_long_ago_and_in_how_many_levels_a_book_agreed() -> None:
    lines = lines_of(Standing("http://h", told()[0]))
    (head,) = [line for line in lines if line.startswith("INSTRUMENT")]
    at = head.index("BOOK AGREED")
    rows = {line.split()[0]: line[at:].split("  ")[0] for line in lines if "@coinbase" in line}
    assert rows == {BTC: "200 levels, 12.0 s ago", ETH: "-"}
