"""When the desk is not well: every trouble by hand, at its edges."""

from __future__ import annotations

import pytest

from bethna.core.alerts import Trouble
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Gap
from bethna.core.market import InstrumentId
from bethna.core.status import InstrumentHealth, StreamState, Trust, VenueHealth, VenueState
from bethna.logic.alerts.troubles import GIVEN_UP_NS, PATIENCE_NS, Troubles

BTC = InstrumentId("BTC-USDT@binance")
NOW = 1_700_000_000 * NS_PER_S


def instrument(state: StreamState = "live", *gaps: Gap) -> InstrumentHealth:
    return InstrumentHealth(BTC, state, "", Trust.TRUSTED, 1, 0, 0, 0, 0, 0, 0, NOW, Coverage(gaps=gaps))


def venue(state: VenueState = "ok", **more: int | None) -> VenueHealth:
    return VenueHealth("binance", state, **more)  # type: ignore[arg-type]  # the numbers alone


def test_before_anything_was_looked_at_nobody_knows() -> None:
    troubles = Troubles()
    assert [troubles.is_so(each, "") for each in Trouble] == [None] * 5
    troubles.look([], [], NOW, 0)
    assert [troubles.is_so(each, "binance") for each in Trouble] == [None] * 5


@pytest.mark.parametrize("state", ["connecting", "reconnecting", "failing"])
def test_a_venue_is_down_after_a_while(state: VenueState) -> None:
    troubles = Troubles()
    found = []
    seen: list[tuple[int, VenueState]] = [
        (0, "ok"),
        (1, state),
        (PATIENCE_NS + 1, state),
        (PATIENCE_NS + 2, state),
        (9**20, "ok"),
    ]
    for at, now in seen:
        troubles.look([venue(now)], [], NOW, at)
        found.append(troubles.is_so(Trouble.VENUE_DOWN, "binance"))
    assert found == [False, False, False, True, False]
    assert troubles.is_so(Trouble.VENUE_DOWN, "") is False
    assert troubles.is_so(Trouble.VENUE_DOWN, "kraken") is None


def test_an_ended_venue_is_not_down_and_one_that_left_begins_anew() -> None:
    troubles = Troubles()
    troubles.look([venue("failing")], [], NOW, 0)
    troubles.look([], [], NOW, 1)
    troubles.look([venue("failing")], [], NOW, PATIENCE_NS + 1)
    assert troubles.is_so(Trouble.VENUE_DOWN, "binance") is False
    troubles.look([venue("ended")], [], NOW, 3 * PATIENCE_NS)
    assert troubles.is_so(Trouble.VENUE_DOWN, "binance") is False


@pytest.mark.parametrize(
    ("state", "at_once", "later"),
    [
        ("live", False, False),
        ("ended", False, False),
        ("stale", True, True),
        ("waiting", False, True),
        ("refused", False, True),
    ],
)
def test_what_is_stale(state: StreamState, at_once: bool, later: bool) -> None:
    troubles = Troubles()
    for at, wanted in ((0, at_once), (PATIENCE_NS + 1, later)):
        troubles.look([], [instrument(state)], NOW, at)
        assert troubles.is_so(Trouble.STALE, BTC) is wanted
        assert troubles.is_so(Trouble.STALE, "") is wanted


@pytest.mark.parametrize(
    ("gap", "wanted"),
    [
        (Gap("trades", 1, 2, NOW, NOW), True),
        (Gap("trades"), True),
        (Gap("trades", 1, 2, NOW, NOW, healed=True), False),
        (Gap("book", 1, 2, NOW, NOW), False),
        (Gap("trades", 1, 2, 0, NOW - GIVEN_UP_NS + 1), True),
        (Gap("trades", 1, 2, 0, NOW - GIVEN_UP_NS), False),
    ],
)
def test_which_gaps_are_open(gap: Gap, wanted: bool) -> None:
    troubles = Troubles()
    troubles.look([], [instrument("live", gap)], NOW, 0)
    assert troubles.is_so(Trouble.GAP_OPEN, BTC) is wanted


def test_quota_and_clock_have_edges_and_may_be_unknown() -> None:
    troubles = Troubles()

    def found(**more: int | None) -> tuple[bool | None, bool | None]:
        troubles.look([venue("ok", **more)], [], NOW, 0)
        return troubles.is_so(Trouble.QUOTA, "binance"), troubles.is_so(Trouble.CLOCK_OFF, "")

    assert found() == (None, None)
    assert found(quota_used=89, quota_limit=100, clock_offset_ns=NS_PER_S) == (False, False)
    assert found(quota_used=90, quota_limit=100, clock_offset_ns=-NS_PER_S - 1) == (True, True)
