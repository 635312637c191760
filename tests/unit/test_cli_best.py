"""`bethna best` by its words: the table, the lines and notes that follow, objects, and what is waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from _memorydesk import BTC, START, MemoryDesk
from _memoryhouse import MemoryHouse, settle, virtually

from bethna.cli.best import wanted_symbols
from bethna.cli.best_telling import GATHER_S, AskedBest, BestTelling, tell_best
from bethna.cli.output import Output
from bethna.client.best import Best
from bethna.config import Settings
from bethna.core.clock import NS_PER_MS
from bethna.core.errors import CannotFollow, NoDataYet, UnknownInstrument
from bethna.core.market import InstrumentId
from bethna.core.status import SourceKind, Trust
from bethna.venues.registry import VENUES

ONE, TWO = InstrumentId("BTC-USD@one"), InstrumentId("BTC-USD@two")
TETHER, RATE = InstrumentId("BTC-USDT@three"), InstrumentId("USDT-USD@two")


@dataclass
class Said:
    """An output that keeps its lines."""

    lines: list[str] = field(default_factory=list)

    async def say(self, text: str) -> None:
        self.lines += text.split("\n")


@dataclass
class Bench:
    """A desk to ask, and what was said of it."""

    house: MemoryHouse
    attached: str | None = "http://desk"
    source: SourceKind = "live"
    out: Said = field(default_factory=Said)

    @property
    def desk(self) -> MemoryDesk:
        return self.house.desk

    @property
    def best(self) -> Best:
        return self.house.best

    @best.setter
    def best(self, value: Best) -> None:
        raise NotImplementedError

    def tell(self, *, convert: tuple[str, ...] = (), **more: Any) -> Coroutine[Any, Any, None]:
        asked = AskedBest(
            "BTC-USD",
            convert,
            more.get("follow", False),
            more.get("as_json", False),
            more.get("timeout_s", 20.0),
        )
        return tell_best(self, asked, BestTelling(cast("Output", self.out), self.desk.clock.now_ns, asked))


def filled() -> Bench:
    bench = Bench(MemoryHouse(MemoryDesk((ONE, TWO, TETHER, RATE))))
    bench.desk.move(ONE, [(99.0, 2.5)], [(101.0, 3.0)])
    bench.desk.move(TWO, [(99.5, 2.0)], [(102.25, 3.0)])
    return bench


async def test_once_it_is_a_table_of_everybody() -> None:
    bench = filled()
    bench.desk.move(TETHER, [(100.0, 1.0)], [(103.0, 1.0)])
    bench.desk.move(RATE, [(0.99777, 1.0)], [(0.99888, 1.0)])
    bench.desk.turn(ONE, "stale", "silent for\t9 s")
    bench.desk.clock.advance(12 * NS_PER_MS)
    await bench.tell(convert=("USDT",))
    title, best, head, *rows = bench.out.lines
    assert title == "BTC-USD  2024-08-08 23:54:00.012 UTC  complete, age 0 ms"
    assert best == "best bid 99.77, 1.0 at three; best ask 102.25, 3.0 at two"  # 99.777 and 102.88464: rule 3
    assert head.split() == ["INSTRUMENT", "QUANTITY", "BID", "ASK", "QUANTITY", "AGE", "RATE", "STATE"]
    assert [row.split() for row in rows] == [
        [ONE, "2.5", "99.00", "101.00", "3.0", "0", "ms", "-", "out,", "stale:", "silent", "for?9", "s"],
        [TWO, "2.0", "99.50", "102.25", "3.0", "0", "ms", "-", "complete"],
        [TETHER, "1.0", "99.77", "102.89", "1.0", "0", "ms", "USDT-USD", "complete"],
    ]


async def test_a_crossed_price_is_said() -> None:
    bench = filled()
    bench.desk.move(TWO, [(101.5, 1.0)])
    await bench.tell()
    assert "crossed: two bids more than one asks" in bench.out.lines[0]


async def test_followed_a_line_is_told_when_the_price_is_another_and_notes_between() -> None:
    bench = filled()
    telling = asyncio.create_task(bench.tell(follow=True))
    await settle()
    bench.desk.clock.advance(NS_PER_MS)
    bench.desk.move(ONE, [(98.0, 1.0)])  # not the best: its time alone is another
    await settle()
    bench.desk.turn(TWO, "stale", "silent")
    await settle()
    bench.desk.turn(TWO, "stale", "silent for longer")
    await settle()
    bench.desk.turn(TWO, "live")
    await settle()
    await bench.house.local.unfollow(TWO)
    await settle()
    telling.cancel()
    head, *lines = bench.out.lines
    assert head.split()[:4] == ["TIME", "(UTC)", "QUANTITY", "BID"]
    notes = [line for line in lines if line.startswith("--")]
    assert notes == [f"-- {TWO} is out, stale: silent", f"-- {TWO} is in"]
    told = [line.split()[2:8] for line in lines if not line.startswith("--")]
    assert told == [
        ["2.0", "99.50", "two", "101.00", "3.0", "one"],
        ["2.5", "99.00", "one", "101.00", "3.0", "one"],
        ["2.0", "99.50", "two", "101.00", "3.0", "one"],
        ["2.5", "99.00", "one", "101.00", "3.0", "one"],
    ]
    assert lines[0].split()[-3:] == ["of", "2", "complete"]


async def test_followed_a_crossing_is_said_when_it_begins_and_when_it_ends() -> None:
    bench = filled()
    telling = asyncio.create_task(bench.tell(follow=True))
    await settle()
    for bid in (101.5, 101.6, 0.0):
        bench.desk.move(TWO, [(bid, 1.0)] if bid else [(101.5, 0.0), (101.6, 0.0)])
        await settle()
    telling.cancel()
    notes = [line for line in bench.out.lines if line.startswith("--")]
    assert notes == ["-- crossed: two bids more than one asks", "-- crossed no more"]


async def test_when_nobody_is_in_any_more_the_line_says_so() -> None:
    bench = filled()
    telling = asyncio.create_task(bench.tell(follow=True))
    await settle()
    for name in (ONE, TWO):
        bench.desk.turn(name, "waiting", "reconnecting")
    await settle()
    telling.cancel()
    last = bench.out.lines[-1].split()
    assert last[2:8] == ["-", "-", "-", "-", "-", "-"]
    assert last[-4:] == ["0", "of", "2", "unknown"]


async def test_objects_are_what_http_answers() -> None:
    bench = filled()
    await bench.tell(as_json=True)
    [line] = bench.out.lines
    found = json.loads(line)
    assert (found["type"], found["symbol"], found["bid"], found["bid_at"]) == ("best", "BTC-USD", 99.5, TWO)
    assert found["ts_recv"] == START // 1000


def test_what_does_not_come_is_named_after_the_time() -> None:
    async def main() -> None:
        bench = Bench(MemoryHouse(MemoryDesk((ONE, TWO))))
        with pytest.raises(
            NoDataYet, match=r"BTC-USD best price: .*one waiting: nothing.*two waiting"
        ) as caught:
            await bench.tell(timeout_s=5.0)
        assert "--timeout" in caught.value.hint
        assert bench.out.lines == []

    virtually(main)


def test_a_desk_that_has_just_begun_is_given_a_little_more() -> None:
    async def main(attached: str | None, late_s: float, *, syncing: bool = False) -> str:
        bench = Bench(MemoryHouse(MemoryDesk((ONE, TWO))), attached=attached)
        if syncing:  # its first updates have come before its snapshot
            bench.desk.trusts[TWO] = Trust.SYNCING
            bench.desk.move(TWO)
        loop = asyncio.get_running_loop()
        loop.call_later(1.0, bench.desk.move, ONE, [(99.0, 1.0)], [(101.0, 1.0)])
        loop.call_later(1.0 + late_s, bench.desk.trusts.clear)
        loop.call_later(1.0 + late_s, bench.desk.move, TWO, [(99.5, 1.0)], [(102.0, 1.0)])
        await bench.tell()
        return bench.out.lines[1].partition(",")[0]

    assert virtually(lambda: main(None, GATHER_S - 0.5)) == "best bid 99.5"
    assert virtually(lambda: main(None, GATHER_S - 0.5, syncing=True)) == "best bid 99.5"
    assert virtually(lambda: main(None, GATHER_S + 0.5)) == "best bid 99"
    assert virtually(lambda: main("http://desk", 0.5)) == "best bid 99"


async def test_a_pair_that_nobody_follows_and_one_that_is_left() -> None:
    with pytest.raises(UnknownInstrument, match="of BTC-USD nothing is followed") as caught:
        await Bench(MemoryHouse(MemoryDesk((InstrumentId("ETH-USD@one"),)))).tell()
    assert caught.value.hint == "have the desk follow the pair at a venue first: bethna price BTC-USD@VENUE"
    bench = Bench(MemoryHouse(MemoryDesk((ONE, BTC))))
    bench.desk.move(ONE, [(99.0, 1.0)], [(101.0, 1.0)])
    telling = asyncio.create_task(bench.tell(follow=True))
    await settle()
    await bench.house.local.unfollow(ONE)
    with pytest.raises(CannotFollow, match="follows none of it any more"):
        await telling
    recorded = Bench(MemoryHouse(MemoryDesk((ONE, BTC))), source="tape")
    recorded.desk.move(ONE, [(99.0, 1.0)], [(101.0, 1.0)])
    ending = asyncio.create_task(recorded.tell(follow=True))
    await settle()
    await recorded.house.local.close()
    await ending


def test_what_a_desk_of_its_own_follows() -> None:
    def wanted(source: str, *symbols: str, convert: tuple[str, ...] = ()) -> tuple[str, ...]:
        return wanted_symbols(Settings(source=source, symbols=symbols), "BTC", "USD", convert)

    named = ("BTC-USD@one", "btcusdt", "USDT-USD@two", "ETH-USD@one", "?")
    assert wanted("auto", *named) == ("BTC-USD@one",)
    assert wanted("auto", *named, convert=("USDT",)) == ("BTC-USD@one", "btcusdt", "USDT-USD@two")
    assert wanted("twin", "ETH-USD@one", "USDT-USD@two", convert=("USDT",)) == ("BTC-USD",)
    everywhere = wanted("live", "ETH-USDT", convert=("USDT",))
    assert set(everywhere) == {
        f"{pair}@{venue}" for venue in VENUES for pair in ("BTC-USD", "BTC-USDT", "USDT-USD")
    }
