"""What a topic of a best price listens to, and that a refused one is not asked for again."""

from __future__ import annotations

import pytest
from _memorydesk import ETH, START, MemoryDesk

from bethna.api.answers import health_answer
from bethna.api.best_source import BestSource
from bethna.api.protocol import encode
from bethna.api.source import Rhythm
from bethna.api.topics import Topic
from bethna.client.mirrors import Mirrors
from bethna.core.errors import UnknownInstrument
from bethna.core.instrument import Feature, Instrument
from bethna.core.market import InstrumentId, Quote
from bethna.runtime.clocks import ManualClock

ONE, TWO, RATE = (InstrumentId(name) for name in ("BTC-USD@one", "BTC-USD@two", "USDT-USD@one"))
TETHER = InstrumentId("BTC-USDT@one")
SOURCE = Topic("best", pair="BTC-USD", convert=("USDT",))


class Open:
    """An open source and how often it asked to be asked."""

    def __init__(self, desk: MemoryDesk) -> None:
        self.desk = desk
        self.marks = 0
        self.source = BestSource(desk, desk.bus, SOURCE, "every")
        self.source.mark = self._mark
        self.source.open()

    def _mark(self) -> None:
        self.marks += 1

    def said(self) -> int:
        return len(self.source.collect())


@pytest.fixture
def opened() -> Open:
    desk = MemoryDesk((ONE, TETHER, RATE, ETH))
    desk.move(ONE, [(99.0, 1.0)], [(101.0, 1.0)])
    return Open(desk)


def test_it_hears_books_rates_and_turns_and_nothing_of_other_pairs(opened: Open) -> None:
    assert opened.source.rhythm is Rhythm.SOON
    opened.desk.move(ONE, [(99.5, 1.0)])
    assert (opened.marks, opened.said()) == (1, 1)
    opened.desk.move(TETHER, [(90.0, 1.0)], [(110.0, 1.0)])
    assert (opened.marks, opened.said()) == (2, 1)
    opened.desk.move(RATE, [(0.9, 1.0)], [(1.0, 1.0)])
    assert (opened.marks, opened.said()) == (3, 1)
    opened.desk.turn(ONE, "stale", "silent")
    assert (opened.marks, opened.said()) == (4, 1)
    opened.desk.move(ETH, [(1.0, 1.0)], [(2.0, 1.0)])
    opened.desk.trade(ONE, 100.0)
    assert (opened.marks, opened.said()) == (4, 0)


def test_it_asks_once_however_much_happens_and_says_nothing_that_is_the_same(opened: Open) -> None:
    for _ in range(5):
        opened.desk.move(ONE, [(99.5, 1.0)])
    assert (opened.marks, opened.said(), opened.said()) == (1, 1, 0)
    opened.desk.move(ONE, [(50.0, 1.0)])
    assert (opened.marks, opened.said()) == (2, 0)
    opened.source.close()
    opened.desk.move(ONE, [(99.9, 1.0)])
    assert opened.marks == 2


async def test_it_listens_to_a_venue_that_comes_and_lets_go_of_one_that_goes(opened: Open) -> None:
    opened.desk.listed.append(Instrument(TWO, "two", "BTC", "USD", "BTCUSD", verified=True))
    await opened.desk.follow(TWO)
    assert opened.said() == 1
    opened.desk.move(TWO, [(100.0, 1.0)], [(100.5, 1.0)])
    assert (opened.marks, opened.said()) == (1, 1)
    await opened.desk.unfollow(ONE)
    assert opened.said() == 1
    opened.desk.bus.channel("book", ONE).publish(opened.desk.move(TWO, [(99.0, 1.0)]))
    assert opened.marks == 2
    await opened.desk.unfollow(TWO)
    await opened.desk.unfollow(TETHER)
    with pytest.raises(UnknownInstrument):
        opened.source.collect()


def test_where_books_are_off_it_hears_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = MemoryDesk((ONE, ETH))
    features: tuple[Feature, ...] = ("prices",)
    monkeypatch.setattr(desk, "features", lambda: features)
    opened = Open(desk)
    desk.move(ONE, [(99.0, 1.0)])
    assert opened.marks == 0
    desk.bus.channel("quotes", ONE).publish(Quote(ONE, 1.0, 1.0, 2.0, 1.0, 1, None, START))
    assert opened.marks == 1


def test_a_topic_that_the_desk_refuses_is_not_asked_for_again_until_somebody_reads_it() -> None:
    desk = MemoryDesk((ONE,))
    mirrors = Mirrors("http://desk", ManualClock(START))
    mirrors.attach(health_answer(desk), desk.followed)
    mirrors.requests()
    mirrors.best("BTC-USD", ())
    [asked] = mirrors.requests()
    assert b'"best:BTC-USD"' in asked
    refused = {"error": {"code": "unknown_instrument", "message": "", "hint": ""}}
    mirrors.frame(encode({"topic": "best:BTC-USD", "type": "status", "seq": 1, "data": refused}))
    assert mirrors.requests() == []
    mirrors.best("BTC-USD", ())
    assert b'"best:BTC-USD"' in b"".join(mirrors.requests())
