"""A venue's ban is told when it begins and ends, with its instant; a short wait is not. By a moved clock."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from bethna.api.answers import desk_state
from bethna.api.protocol import VenueCard
from bethna.cli.standing import _quota
from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.coverage import Coverage, Provenance, State
from bethna.core.market import InstrumentId
from bethna.core.status import InstrumentHealth, Trust, VenueHealth
from bethna.logic.quota_ledger import Terms
from bethna.runtime.clocks import ManualClock
from bethna.services.ban_watch import BanWatch
from bethna.store.quota_file import QuotaFile
from bethna.store.quota_keeper import QuotaKeeper

START = 1_700_000_000 * NS_PER_S  # 2023-11-14 22:13:20 UTC


class House:
    """A keeper, its watch, and another process's keeper of the same file."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START)
        self.clock.advance(NS_PER_S)
        self.mine, self.theirs = (
            QuotaKeeper(Terms(6000), self.clock, random.Random(1), QuotaFile(folder, "binance-a"))
            for _ in range(2)
        )
        self.told: list[tuple[str, str, str]] = []
        self.watch = BanWatch("binance", self.mine, self.clock, lambda *event: self.told.append(event))

    def pass_s(self, by_s: float) -> None:
        self.clock.advance(round(by_s * NS_PER_S))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "runtime" / "bethna")


@pytest.mark.parametrize(
    ("banned", "level", "words"),
    [
        (True, "error", "binance has banned this address from its REST side until 22:14:06 UTC (HTTP 418)"),
        (False, "warning", "binance takes no REST requests of this address until 22:14:06 UTC (HTTP 429)"),
    ],
)
def test_a_ban_is_told_once_with_its_end_and_when_it_is_over(
    house: House, banned: bool, level: str, words: str
) -> None:
    assert house.watch.ban() is None
    house.mine.stop(45.0, banned=banned)
    for _ in range(44):
        ban = house.watch.ban()
        assert ban is not None
        assert (ban.until, ban.words) == (START + 46 * NS_PER_S, words)
        house.pass_s(1)
    ((told_level, code, text),) = house.told
    assert (told_level, code) == (level, "venue_banned")
    assert text.startswith(words)
    house.pass_s(1)
    assert house.watch.ban() is None
    assert house.watch.ban() is None
    assert house.told[1:] == [("info", "venue_ban_over", "binance may be asked by REST again")]


def test_a_short_wait_is_no_ban(house: House) -> None:
    house.mine.stop(3.0, banned=False)
    assert house.watch.ban() is None
    house.pass_s(4)
    assert house.watch.ban() is None
    assert house.told == []


def test_a_longer_ban_is_told_anew_and_one_of_another_process_counts(house: House) -> None:
    house.theirs.stop(120.0, banned=True)
    assert house.watch.ban() is not None
    house.pass_s(60)
    house.theirs.stop(62.0, banned=True)  # two seconds more are no news
    assert house.watch.ban() is not None
    assert len(house.told) == 1
    house.theirs.stop(3 * 86_400.0, banned=True)
    assert house.watch.ban() is not None
    assert [code for _, code, _ in house.told] == ["venue_banned"] * 2
    assert "until 2023-11-17 22:14:21 UTC" in house.told[1][2]


def test_the_quota_says_until_when_instead_of_what_is_used() -> None:
    card = VenueCard("failing", "", 1, 1, 0, 0, None, 10, 0, 0, 250, 6000, 0, 0, 1)
    now_us = START // NS_PER_US
    assert _quota(card, now_us) == "250/6000"
    assert _quota(replace(card, banned_until=now_us + 45_000_000), now_us) == "banned until 22:14:05 UTC"


def test_a_venue_whose_streams_go_on_is_not_down() -> None:
    feed = InstrumentHealth(
        InstrumentId("BTC-USDT@binance"), "live", "", Trust.TRUSTED, 1, 0, 0, 0, 0, 0, 0, None,
        Coverage(Provenance.LIVE, State.COMPLETE, (), (), None),
    )  # fmt: skip
    venue = VenueHealth("binance", "failing")
    assert desk_state([venue], [feed]) == "degraded"
    assert desk_state([venue], [replace(feed, state="stale")]) == "down"
