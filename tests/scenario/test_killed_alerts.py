"""Alerts whose process is killed at any moment: no firing is lost, none comes twice, the journal has no hole.

`make soak ARGS="tests/scenario/test_killed_alerts.py"` kills a hundred times over more than 100,000 crossings.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from conftest import Campaign
from killed.alerts import FIRST, LEVELS, PAIR, RULES, arm, main, trades, watched

from bethna.core.alerts import Step
from bethna.core.errors import StoreError
from bethna.core.market import Trade
from bethna.logic.alerts.machine import begin
from bethna.logic.alerts.stepping import Armed
from bethna.store import database
from bethna.store.alerts.facts import Cursor
from bethna.store.alerts.journal import Journal

TESTS = Path(__file__).parents[1]


def crossings(told: Sequence[Trade], level: float) -> list[int]:
    """The ids of the trades that are on another side of a level than the one before: nobody stands on it."""
    return [now.trade_id for was, now in pairwise(told) if (was.price > level) != (now.price > level)]


def rises(told: Sequence[Trade], level: float, again: float) -> list[int]:
    """The ids of the trades that are above a level, the first ones since it was below `again`."""
    found, below = [], False
    for trade in told:
        below = below or trade.price < again
        if trade.price > level and below:
            found.append(trade.trade_id)
            below = False
    return found


def start(folder: Path, seed: int, count: int) -> subprocess.Popen[str]:
    paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    return subprocess.Popen(
        [sys.executable, "-m", "killed.alerts", str(folder), str(seed), str(count)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip


def kept(folder: Path) -> dict[str, list[Step]]:
    with Journal(folder) as journal:
        return {name: journal.steps(name, limit=10**9) for name in RULES}


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
def test_killed_alerts_lose_nothing_and_say_nothing_twice(campaign: Campaign, tmp_path: Path) -> None:
    rng = Random(campaign.seed)
    kills, cut = campaign.count(share=3, whole=100), 0
    count = kills * 4_000
    for _ in range(kills):
        with start(tmp_path, campaign.seed, count) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(rng.randrange(10)):
                process.stdout.readline()
            try:
                process.wait(rng.uniform(0.0, 0.02))  # amid what comes next
            except subprocess.TimeoutExpired:
                cut += 1
                process.kill()
            process.communicate()
    with start(tmp_path, campaign.seed, count) as process:
        told, errors = process.communicate(timeout=3_000)
    assert told.splitlines()[-1] == "done", errors
    check(tmp_path, campaign.seed, count)
    assert cut > 0
    with Journal(tmp_path) as journal:
        print(f"{cut} kills, {count} trades, {len(journal.firings(limit=10**9))} firings")


def check(folder: Path, seed: int, count: int) -> None:
    """The journal is that of one run without an end, and its crossings are those of a look at the bare prices."""
    told = list(trades(seed, count))
    steps: list[Step] = []
    watch = watched(steps)
    for name, rule in RULES.items():
        arm(watch, Armed.of(name, rule))
    for trade in told:
        watch.trade(trade)
    whole = {name: [step for step in steps if step.rule == name] for name in RULES}
    journals = kept(folder)
    assert journals == whole, f"seed {seed}"
    fired = {
        name: [step.moment.trade_id for step in lines if step.fired is not None]
        for name, lines in journals.items()
    }
    for level in LEVELS:
        assert fired[f"either-{level}"] == crossings(told, level)
        assert fired[f"up-{level}"] == rises(told, level, level - 2.0)
    with Journal(folder) as journal:
        keys = [(each.rule, each.firing) for each in journal.firings(limit=10**9)]
        assert len(keys) == len(set(keys)) == sum(map(len, fired.values()))
        assert journal.cursors()[PAIR].trade_id == FIRST + count - 1


def test_a_second_writer_changes_nothing(tmp_path: Path) -> None:
    main(tmp_path, 5, 500)
    before = kept(tmp_path)
    with Journal(tmp_path) as journal:
        line = before[f"either-{LEVELS[2]}"][-1]
        with pytest.raises(StoreError, match="ones that are there already"):
            journal.commit([line], {PAIR: Cursor(1, 1)}, told=1)
        assert journal.cursors()[PAIR].trade_id > 1
        with pytest.raises(StoreError, match="ones that are there already"):
            journal.add(
                {"new": (RULES["once"], begin(RULES["once"])), "once": (RULES["once"], begin(RULES["once"]))},
                1,
            )
        assert [each.name for each in journal.rules()] == sorted(RULES)
    assert kept(tmp_path) == before


def test_a_rule_that_is_removed_keeps_its_journal(tmp_path: Path) -> None:
    main(tmp_path, 5, 500)
    with Journal(tmp_path) as journal:
        journal.remove(["hold"], 7)
        journal.remove(["hold", "nobody"], 8)  # the first time stays
        assert "hold" not in [each.name for each in journal.rules()]
        (gone,) = [each for each in journal.rules(removed=True) if each.removed is not None]
        assert (gone.name, gone.removed) == ("hold", 7)
        lines = journal.steps("hold", limit=10**6)
        middle = lines[len(lines) // 2].moment.ts_event
        before = journal.steps("hold", until=middle, limit=3)
        assert before == [line for line in lines if line.moment.ts_event <= middle][-3:]


def test_a_damaged_journal_is_set_aside_and_one_of_a_newer_version_left_alone(tmp_path: Path) -> None:
    (tmp_path / "alerts.sqlite").write_bytes(b"this is no database" * 500)
    with Journal(tmp_path) as journal:
        assert journal.set_aside == tmp_path / "alerts.sqlite.damaged-1"
        assert journal.rules() == []
    with closing(sqlite3.connect(tmp_path / "alerts.sqlite")) as raw:
        raw.execute("update alembic_version set version_num = 'r9999'")
        raw.commit()
    with pytest.raises(StoreError, match="a newer version"):
        Journal(tmp_path)


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a folder for alerts"):
        Journal(tmp_path / "file" / "alerts")


def test_a_locked_journal_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    main(tmp_path, 5, 50)
    with closing(sqlite3.connect(tmp_path / "alerts.sqlite")) as raw, Journal(tmp_path) as journal:
        raw.execute("begin immediate")
        with pytest.raises(StoreError, match="locked by another program"):
            journal.commit([], {PAIR: Cursor(1, 1)}, told=1)
        with pytest.raises(StoreError, match="locked by another program"):
            journal.remove(["hold"], 7)
