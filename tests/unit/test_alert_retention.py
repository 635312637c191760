"""What the journal of alerts forgets, and what it must not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Connection, update

from bethna.core.alert_views import DeliveryState
from bethna.core.alerts import AlertRule, Moment, Outcome, PriceCrosses, Repeat, Step, Way
from bethna.core.market import InstrumentId
from bethna.logic.alerts.machine import begin
from bethna.store.alerts.journal import Journal
from bethna.store.alerts.retention import prune
from bethna.store.alerts.tables import DELIVERIES

PAIR = InstrumentId("BTC-USDT@binance")
RULE = AlertRule(PriceCrosses(PAIR, Way.UP, 100.0), Repeat.EVERY, channels=("hook",))


def steps(name: str, numbers: Iterable[int], fired: Iterable[int] = ()) -> list[Step]:
    """Lines whose event time is their number; some of them are alerts."""
    found, firings = [], 0
    for number in numbers:
        is_fired = number in set(fired)
        firings += is_fired
        after = replace(begin(RULE), steps=number, firings=firings)
        moment = Moment(number, number, number, 1.0)
        outcome = Outcome.FIRED if is_fired else Outcome.NOTED
        found.append(Step(name, number, outcome, 0, moment, begin(RULE), after, number if is_fired else None))
    return found


def journal(folder: Path) -> Journal:
    made = Journal(folder)
    made.add({name: (RULE, begin(RULE)) for name in ("a1", "a2")}, armed=0)
    made.commit(steps("a1", range(1, 11), {3, 8}), {}, told=5)
    made.commit(steps("a2", range(1, 4), {2}), {}, told=50)
    return made


def left(made: Journal) -> dict[str, list[int]]:
    return {name: [step.number for step in made.steps(name)] for name in ("a1", "a2")}


def sent(connection: Connection) -> None:
    done = update(DELIVERIES).where(DELIVERIES.c.rule == "a1", DELIVERIES.c.firing == 1)
    connection.execute(done.values(state=str(DeliveryState.SENT)))


def test_what_is_old_goes_but_what_waits_and_what_an_alert_stands_on(tmp_path: Path) -> None:
    with journal(tmp_path) as made:
        made.work(sent)
        assert made.work(lambda connection: prune(connection, 9)) == 1 + 7 + 2
        assert left(made) == {"a1": [8, 9, 10], "a2": [2]}
        assert [(each.rule, each.firing) for each in made.firings()] == [("a1", 2), ("a2", 1)]
        assert made.work(lambda connection: prune(connection, 9)) == 0


def test_of_a_rule_that_changes_all_the_time_the_newest_lines_stay(tmp_path: Path) -> None:
    with journal(tmp_path) as made:
        assert made.work(lambda connection: prune(connection, 0, most_lines=4)) == 5
        assert left(made) == {"a1": [3, 7, 8, 9, 10], "a2": [1, 2, 3]}
        assert len(made.firings()) == 3
