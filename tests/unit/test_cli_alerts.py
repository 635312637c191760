"""`bethna alerts` by its words: tables, states, why, the plot of a rehearsal, objects; over a desk in memory."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from _memorydesk import BTC, ETH
from _memoryhouse import MemoryHouse, settle
from _toldalerts import with_alerts
from msgspec.structs import replace

from bethna.cli import alerts_asking as asking
from bethna.cli import main
from bethna.cli.alert_words import (
    alert_words,
    deliveries_words,
    plot,
    rehearsed_words,
    state_words,
)
from bethna.cli.alerts import _sentences
from bethna.cli.alerts_telling import AlertsTelling
from bethna.cli.zones import UTC_ZONE, Zone, zone_of
from bethna.client.alerts import Alerts
from bethna.config import Settings
from bethna.core.alert_views import Delivery, DeliveryState, Rehearsed, RuleView
from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Leaf,
    LeafState,
    Phase,
    PriceCrosses,
    PriceIs,
    RuleState,
    Side,
    SignalGiven,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.errors import Closed, ConfigError, UnknownAlert, UnknownInstrument
from bethna.core.status import SourceKind

EVERY = "BTC-USDT crosses above 65,000, every time, via telegram and mail"
YES, NO, UNSEEN = LeafState.YES, LeafState.NO, LeafState.UNSEEN


@dataclass
class Said:
    """An output that keeps its lines."""

    lines: list[str] = field(default_factory=list)

    async def say(self, text: str) -> None:
        self.lines += text.split("\n")

    async def drained(self) -> None:
        """Nothing waits."""


class Bench:
    """A desk to ask, and what was said of it."""

    def __init__(self) -> None:
        self.desk, self.kept = with_alerts(BTC, ETH)
        self.house = MemoryHouse(self.desk)
        self.alerts: Alerts = self.house.alerts
        self.source: SourceKind = "live"
        self.out = Said()

    async def tell(self, ask: asking.Ask, *, as_json: bool = False, zone: Zone = UTC_ZONE) -> list[str]:
        """Lines that were said for one question."""
        self.out.lines.clear()
        await ask(self, AlertsTelling(self.out, as_json=as_json, zone=zone))
        return list(self.out.lines)

    async def object(self, ask: asking.Ask) -> dict[str, Any]:
        [line] = await self.tell(ask, as_json=True)
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_rules_are_a_table_and_none_says_what_to_do(bench: Bench) -> None:
    [nothing] = await bench.tell(asking.listing)
    assert nothing.startswith("no rule is armed; arm one: bethna alerts add ")
    await bench.tell(asking.adding([EVERY, "ETH-USDT is above 9,000, for 30s"], ()))
    bench.kept.fire("a1")
    bench.kept.stand("a2", YES)
    head, *rows = await bench.tell(asking.listing)
    assert head.split() == ["NAME", "STATE", "FIRED", "LAST", "(UTC)", "RULE"]
    assert rows[0].split("  ")[0] == "a1"
    assert "armed, the price is above" in rows[0]
    assert "2024-08-08 23:54:00.000  BTC-USDT@binance crosses above 65,000, every time" in rows[0]
    assert "holds, and has to for 30.0 s      0  -  " in rows[1]
    berlin = await bench.tell(asking.listing, zone=zone_of("Europe/Berlin"))
    assert "LAST (Europe/Berlin)" in berlin[0]
    assert "2024-08-09 01:54:00.000 +02:00" in berlin[1]


async def test_a_rule_is_shown_with_all_that_is_known(bench: Bench) -> None:
    await bench.tell(
        asking.adding(["BTC-USDT crosses above 65,000, again below 64,800, note ä\u200d!"], ("mail",))
    )
    lines = await bench.tell(asking.showing("a1"))
    assert lines[0] == "a1"
    assert "  state     armed, nothing seen yet" in lines
    assert "  version   1, armed 2024-08-08 23:54:00.000 UTC" in lines
    assert "  fired     never" in lines
    assert "  channels  mail" in lines
    assert "  note      ä?!" in lines
    bench.kept.fire("a1")
    assert "  fired     1 time, last 2024-08-08 23:54:00.000 UTC" in await bench.tell(asking.showing("a1"))
    assert lines[-2:] == [
        "  level     BTC-USDT@binance level 65,000",
        "  level     BTC-USDT@binance rearm 64,800",
    ]


def test_each_state_is_a_word() -> None:
    def said(*leaves: LeafState, rule: AlertRule | None = None, **more: Any) -> str:
        made = rule or AlertRule(PriceIs(BTC, Side.ABOVE, 1.0))
        phase = more.pop("phase", Phase.ACTIVE)
        view = RuleView("a1", 1, made, "", RuleState(leaves, phase), False, (), 0)
        return state_words(replace(view, **more))

    two: tuple[Leaf, ...] = (PriceIs(BTC, Side.ABOVE, 1.0), PriceIs(ETH, Side.ABOVE, 1.0))
    assert said(YES) == "holds"
    assert said(NO) == "armed"
    assert said(UNSEEN) == "armed, nothing seen yet"
    assert said(YES, unknown=True) == "unknown: what it stands on is missing"
    for phase in (Phase.PAUSED, Phase.DONE, Phase.EXPIRED):
        assert said(YES, phase=phase, unknown=True) == phase
    signal = AlertRule(SignalGiven(BTC))
    assert said(UNSEEN, rule=signal, waits_for=("signal",)) == "waits for signal, which is not there yet"
    assert said(YES, NO, rule=AlertRule(AllOf(two))) == "armed"
    assert said(YES, NO, rule=AlertRule(AnyOf(two))) == "holds"
    for way, leaf, side in ((Way.UP, YES, "above"), (Way.UP, NO, "below"), (Way.DOWN, YES, "below")):
        crossing = AlertRule(PriceCrosses(BTC, way, 1.0))
        assert said(leaf, rule=crossing) == f"armed, the price is {side}"


async def test_what_has_fired_and_where_it_was_told(bench: Bench) -> None:
    assert await bench.tell(asking.remembering(20, follow=False)) == ["nothing has fired yet"]
    await bench.alerts.add(EVERY)
    bench.kept.states = {
        "telegram": Delivery("", 0, "telegram", DeliveryState.SENT, together=3),
        "mail": Delivery("", 0, "mail", DeliveryState.DEAD, 5, error="401\x07", instead_of="push"),
    }
    first = bench.kept.fire("a1", late=True)
    await bench.alerts.mark(first.key)
    bench.kept.fire("a1")
    head, *rows = await bench.tell(asking.remembering(20, follow=False))
    assert head.split() == ["FIRED", "(UTC)", "KEY", "ALERT", "DATA", "READ", "TOLD"]
    assert (
        "a1.1  a1 fired  late      yes   telegram sent, 3 alerts in one; mail gave up, instead of push: 401?"
        in rows[0]
    )
    assert "a1.2  a1 fired  complete  no  " in rows[1]
    await bench.alerts.clear(first.key)
    assert "cleared" in (await bench.tell(asking.remembering(20, follow=False)))[1]
    found = await bench.object(asking.remembering(1, follow=False))
    assert (found["type"], [each["firing"] for each in found["alerts"]]) == ("notifications", [2])
    waiting = Delivery("a1", 1, "mail", DeliveryState.WAITING, 2, error="timed out")
    assert (
        deliveries_words(replace(first, deliveries=(waiting,))) == "mail waiting after 2 attempts: timed out"
    )
    assert deliveries_words(replace(first, deliveries=())) == "page only"
    assert (
        alert_words(replace(first, state=State.INCOMPLETE, after_gap=True)) == "incomplete, after a gap, late"
    )


async def test_followed_each_alert_is_told_once(bench: Bench) -> None:
    await bench.alerts.add(EVERY)
    bench.kept.fire("a1")
    telling = asyncio.create_task(bench.tell(asking.remembering(20, follow=True)))
    await settle()
    bench.kept.fire("a1")
    bench.kept.fire("a1")
    await settle()
    assert [line.split()[2] for line in bench.out.lines[1:]] == ["a1.1", "a1.2", "a1.3"]
    await bench.house.local.close()
    with pytest.raises(Closed, match="the desk has ended"):
        await telling


async def test_a_recording_that_ends_is_the_end(bench: Bench) -> None:
    bench.source = "tape"
    await bench.alerts.add(EVERY)
    telling = asyncio.create_task(bench.tell(asking.remembering(20, follow=True)))
    await settle()
    bench.kept.fire("a1")
    await settle()
    await bench.house.local.close()
    assert len(await telling) == 2


async def test_why_begins_with_the_reason(bench: Bench) -> None:
    await bench.alerts.add(EVERY)
    lines = await bench.tell(asking.explaining("a1", None))
    assert lines[0] == "a1  nothing has happened yet"
    assert "Journal: nothing is written" in lines
    assert "Trades around: no trades are kept" in lines
    assert lines[-1] == "Told: nothing was told"
    bench.desk.trade(BTC, 65_001.25, 0.5)
    fired = bench.kept.fire("a1", 65_001.25)
    bench.desk.clock.advance(60 * NS_PER_S)
    bench.kept.fire("a1", 65_002.0)
    lines = await bench.tell(asking.explaining("a1", fired.fired))
    assert lines[:3] == [
        "a1  fired",
        "  asked about 2024-08-08 23:54:00.000 UTC; now armed, the price is above",
        "  BTC-USDT@binance crosses above 65,000, every time, via telegram and mail",
    ]
    journal = lines[lines.index("Journal") + 1 : lines.index("Later") - 1]
    assert journal[0].split() == ["TIME", "(UTC)", "LINE", "TRADE", "BEFORE", "AFTER", "DATA", "WHAT"]
    assert journal[1].endswith("     1      7  unseen  yes    complete  fired at 65,001.25")
    trades = lines[lines.index("Trades around") + 1 : lines.index("Told") - 1]
    assert trades[1].split() == ["2024-08-08", "23:54:00.000", "65001.25", "0.5", "buy", "1"]
    told = lines[lines.index("Told") + 1 :]
    assert told[1].split("  ")[1:] == ["a1.1", "a1 fired", "telegram waiting; mail waiting"]
    await bench.tell(asking.removing(["a1"]))
    assert "; now removed" in (await bench.tell(asking.explaining("a1", None)))[1]
    found = await bench.object(asking.explaining("a1", fired.fired))
    assert (found["type"], found["alert"], found["steps"][0]["words"]) == ("why", None, "fired at 65,001.25")


async def test_several_are_done_in_their_order_and_all_of_them(bench: Bench) -> None:
    await bench.alerts.add([EVERY, "ETH-USDT is above 9,000"])
    lines = await bench.tell(asking.pausing(["a1", "a2"], paused=True))
    assert [line.split("  ")[:2] for line in lines] == [["a1", "paused"], ["a2", "paused"]]
    with pytest.raises(UnknownAlert):
        await bench.tell(asking.pausing(["a1", "a9"], paused=False))
    assert [line.split("  ")[0] for line in bench.out.lines] == ["a1"]
    [line] = await bench.tell(asking.editing("a2", "ETH-USDT is above 9,100", 1))
    assert line == "a2  armed, nothing seen yet  ETH-USDT@binance is above 9,100, once"
    with pytest.raises(UnknownAlert):
        await bench.tell(asking.removing(["a1", "a9"]))
    assert bench.out.lines == []
    assert [line.split()[0] for line in await bench.tell(asking.removing([]))] == ["a1", "a2"]
    assert await bench.tell(asking.removing([])) == []
    assert (await bench.object(asking.listing)) == {"type": "alerts", "alerts": []}


async def test_keys_are_written_short_and_a_wrong_one_is_told(bench: Bench) -> None:
    await bench.alerts.add(EVERY)
    first, second = bench.kept.fire("a1"), bench.kept.fire("a1")
    assert await bench.tell(asking.reading(["a1.1"])) == ["read  a1.1"]
    assert [each.read is None for each in await bench.alerts.notifications()] == [False, True]
    assert await bench.object(asking.clearing([first.key])) == {"type": "cleared", "keys": [first.key]}
    with pytest.raises(ConfigError, match=r"found 'a1.1'"):
        await bench.tell(asking.clearing(["a1.2", "a1.1"]))
    assert [each.key for each in await bench.alerts.notifications()] == [second.key]
    assert await bench.tell(asking.reading(())) == ["read  all of the centre"]
    assert await bench.object(asking.clearing(())) == {"type": "cleared", "keys": None}


async def test_channels_say_what_is_missing_and_a_test_what_came_of_it(bench: Bench) -> None:
    head, telegram, mail = await bench.tell(asking.asking_channels)
    assert head.split() == ["NAME", "KIND", "TO", "STATE", "FALLBACK", "WAITING", "SENT", "DEAD"]
    assert telegram.split("  ")[0] == "telegram"
    assert "  ready" in telegram
    assert "not ready: its address is missing" in mail
    assert await bench.tell(asking.testing("mail")) == ["mail  sent: 200 OK"]
    bench.kept.receipt = replace(bench.kept.receipt, ok=False, said="401")
    assert await asking.testing("mail")(bench, AlertsTelling(bench.out)) is False
    assert bench.out.lines[-1] == "mail  failed: 401"
    bench.kept.known.clear()
    assert (await bench.tell(asking.asking_channels))[0].startswith("no channel is set")


async def test_a_channel_that_would_tell_nobody_is_named_when_a_rule_asks_for_it(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    await bench.tell(asking.adding(["BTC-USDT is above 1"], ()))
    assert capsys.readouterr().err == ""
    ready, *others = await bench.alerts.channels()
    for channel, said in (
        (ready, ""),
        (replace(ready, ready=False, why="no token"), "not ready: no token; a3 tells only on the page"),
        (
            replace(ready, ready=False, why="no token", fallback="mail"),
            "not ready: no token; a4 tells by mail and on the page",
        ),
        (replace(ready, off=True), "off on this source; a5 tells only on the page"),
    ):
        bench.kept.known = [channel, *others]
        await bench.tell(asking.adding(["BTC-USDT is above 2"], (ready.name,)))
        err = capsys.readouterr().err
        assert err == (f"{ready.name} is {said}\n" if said else "")


async def test_a_rehearsal_says_how_often_and_draws_when(bench: Bench) -> None:
    lines = await bench.tell(asking.rehearsing(EVERY, "trades", 7200, 5.0))
    assert bench.kept.asked == {"over": "trades", "span_ns": 7200 * NS_PER_S, "per_day": 5.0}
    assert lines[1] == "2024-08-08 21:54:00.000 UTC to 2024-08-08 23:54:00.000 UTC (2 h)"
    assert lines[2:6] == [
        "  1,000 trades were judged: fired 3 times in 3 clusters, 72 a day",
        "  not told: 2 cooling",
        "  nothing is known of 12 min of it",
        "  for 5 a day: cooldown 10 min or again at 64,800",
    ]
    assert lines[6].startswith("  65,010 |")
    assert lines[6].endswith("-")
    assert lines[-2].startswith("  65,000 |-")
    marks = lines[-1].partition("|")[2].rstrip("|")
    assert marks == "??????......1.....1.............................1..........."
    assert "*" in "".join(lines[6:-1])
    found = await bench.object(asking.rehearsing(EVERY, "bars", None, None))
    assert (found["type"], found["over"], len(found["fired"])) == ("rehearsal", "bars", 3)


def test_a_plot_of_much_of_nothing_and_of_a_storm() -> None:
    def found(
        fired: tuple[int, ...] = (), prices: tuple[tuple[int, float], ...] = (), **more: Any
    ) -> Rehearsed:
        made = Rehearsed("bars", "", 0, 100, 10, (), fired, {}, 0, None, None, None, None, None, prices)
        return replace(made, **more)

    nothing = plot(found(), 10)
    assert (nothing.rows, nothing.counts, nothing.labels) == ([], "..........", None)
    level = plot(found((5,) * 10 + (99, 100), ((0, 7.0), (50, 7.0))), 10)
    assert (level.rows, level.counts, level.labels) == (["*    -"], "+........2", (7.0, 7.0))
    assert plot(found((), (), end=0), 4).counts == "...."
    words = rehearsed_words(found(per_day=0.25, wished_per_day=1.0, enough=True))
    assert words == [
        "10 bars were judged: fired 0 times in 0 clusters, 0.25 a day",
        "bars show no way between their extremes: it may have been more often",
        "for 1 a day: it would not have told once",
    ]
    minutes = 60 * NS_PER_S
    short = found(asked_from=0, start=12 * minutes, end=30 * minutes)
    assert rehearsed_words(short)[2] == "what could be had begins 12 min later than asked for"
    for whole in (found(start=12 * minutes, end=30 * minutes), found(asked_from=0, start=99, end=10_000)):
        assert len(rehearsed_words(whole)) == 2
    assert rehearsed_words(found(wished_per_day=1.0, enough=False))[-1].endswith(
        "no cooldown and no re-arm level meets it"
    )


def test_words_without_quotes_are_one_sentence() -> None:
    assert _sentences(("BTC-USDT", "crosses", "above", "65000")) == ["BTC-USDT crosses above 65000"]
    assert _sentences(("BTC-USDT is above 1", "ETH-USDT is above 2")) == [
        "BTC-USDT is above 1",
        "ETH-USDT is above 2",
    ]
    assert _sentences(("BTC-USDT is above 1",)) == ["BTC-USDT is above 1"]
    assert _sentences((" ",)) == []


def test_a_desk_of_its_own_follows_what_a_sentence_names() -> None:
    settings = Settings()
    assert asking.named_in("BTC-USDT crosses above 1 and ethusdt@kraken is below 2", settings) == (
        "BTC-USDT",
        "ethusdt@kraken",
    )
    with pytest.raises(ConfigError, match="expected"):
        asking.named_in("BTC-USDT crosses", settings)
    with pytest.raises(UnknownInstrument):
        asking.named_in("? crosses above 1", settings)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add",), "expected a sentence, such as"),
        (("add", "--file", "no-such-file"), "does not exist"),
        (("add", "--file", "{latin}"), "expected text in UTF-8"),
        (("why", "a9", "--at", "yesterday"), "expected a date or an instant"),
        (("why", "a9", "--at", "2026-10-25T02:30", "--zone", "Europe/Berlin"), "is twice in Europe/Berlin"),
        (("remove",), "expected names such as a1 or --all"),
        (("remove", "a1", "--all"), "give it, or names"),
        (("pause",), "expected names such as a1"),
        (("rehearse", EVERY, "--per-day", "0"), "--per-day"),
        (("rehearse", EVERY, "--last", "soon"), "expected a length"),
        (("rehearse", EVERY, "--url", "127.0.0.1:1", "--seed", "7"), "give the one"),
        (("history", "--limit", "0"), "--limit"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_desk_is_looked_for(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latin = tmp_path / "latin.txt"
    latin.write_bytes("BTC-USDT is above 1, note \xe4".encode("latin-1"))
    assert main(["alerts", *(str(latin) if word == "{latin}" else word for word in words)]) == 2
    assert said in capsys.readouterr().err
