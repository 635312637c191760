"""Desks of one user: each line of theirs to a venue asks the one quota of that venue's address."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bethna.app.desk import Desk
from bethna.config.load import load
from bethna.core.clock import NS_PER_S
from bethna.logic.backoff import Backoff
from bethna.logic.quota_ledger import Lane
from bethna.logic.slot import Numbers, Slot
from bethna.runtime.clocks import ManualClock, SystemClock

HOST = "127.0.0.1:9"  # nobody is asked anything here


def desk(host: str = HOST, **options: object) -> Desk:
    return Desk(
        load(
            environment={
                "BETHNA_SOURCE": "live",
                "BETHNA_HOSTS": f"binance=ws://{host}|http://{host}",
                "BETHNA_SYMBOLS": "BTCUSDT",
            }
        ),
        **options,  # type: ignore[arg-type]  # a clock
    )


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "bethna"


def spend(one: Desk, weight: int) -> int:
    keeper = one.lines["binance"].quota
    asked = keeper.want(Lane.HEALING, weight)
    wait = keeper.ask(asked)
    keeper.settle(asked, None)
    return wait


@pytest.mark.skipif(os.name == "nt", reason="the runtime folder is another there")
def test_desks_share_a_quota_of_an_address_and_their_health_says_what_all_used(runtime: Path) -> None:
    one, two, elsewhere = desk(), desk(), desk("127.0.0.1:10")
    assert spend(one, 1000) == 0
    assert spend(two, 250) == 0
    assert [each.venues()[0].quota_used for each in (one, two, elsewhere)] == [1250, 1250, 0]
    assert one.venues()[0].quota_limit == 6000
    assert sorted(path.name for path in runtime.iterdir()) == [
        "binance-127.0.0.1_10.quota",
        "binance-127.0.0.1_9.quota",
    ]
    for each in (one, two, elsewhere):
        with each.lines["binance"].quota:
            pass
    assert list(runtime.iterdir()) == [], "an address of this machine is gone with the last desk"


def test_a_desk_under_a_clock_that_is_moved_by_hand_shares_with_nobody(runtime: Path) -> None:
    one = desk(pace=ManualClock(1_700_000_000 * NS_PER_S))
    assert spend(one, 1000) == 0
    assert one.venues()[0].quota_used == 1000
    assert not runtime.exists()


def test_a_quota_that_cannot_be_shared_is_told_once_in_the_desks_log(runtime: Path) -> None:
    runtime.write_text("in the way")
    one = desk()
    assert spend(one, 1000) == 0
    assert spend(one, 1000) > 0, "a quarter of the limit"
    assert [(each.level, each.code) for each in one.events(10)] == [("warning", "quota_not_shared")]


def test_a_ban_is_in_the_health_and_the_log_of_every_desk_of_the_address() -> None:
    one, two = desk(), desk()
    one.lines["binance"].quota.stop(45.0, banned=True)
    for each in (one, two):
        health = each.venues()[0]
        assert (health.state, health.banned_until is not None) == ("failing", True)
        assert "binance has banned this address from its REST side until" in health.message
        assert [(event.level, event.code) for event in each.events(10)] == [("error", "venue_banned")]


def test_desks_share_the_window_of_connection_attempts() -> None:
    clock = SystemClock()
    windows = [desk().lines["binance"].quota.window("connections", 3, 300 * NS_PER_S) for _ in range(4)]
    now = clock.monotonic_ns()
    slots = [Slot(Numbers(), Backoff(1, 60, 60, _Never()), window, NS_PER_S, now) for window in windows]
    opened = [bool(slot.tick(now)) for slot in slots]
    assert opened == [True, True, True, False]
    deadline = slots[3].deadline()
    assert deadline is not None
    assert 299 * NS_PER_S < deadline - now < 301 * NS_PER_S


class _Never:
    def random(self) -> float:
        return 0.0
