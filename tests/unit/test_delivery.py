"""The machine of one channel: what goes, together with what, and when; quiet hours, backoff, giving up."""

from __future__ import annotations

from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from bethna.core.alert_views import DeliveryState, Receipt
from bethna.core.alerts import QuietHours, Severity
from bethna.core.clock import NS_PER_S, seconds
from bethna.logic.delivery import (
    FALL_BACK_FAILURES,
    GIVE_UP_FAILURES,
    HEEDED_S,
    LONGEST_S,
    MINUTE_NS,
    MOST_TOGETHER,
    Again,
    GiveUp,
    Go,
    Hold,
    Pace,
    Parcel,
    Rest,
    fallback_of,
    quiet_until,
)

NOW = 1_700_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S
FAILED = Receipt(ok=False, said="no")


class Whole:
    """A die that always shows nearly all."""

    def random(self) -> float:
        return 0.999999


def line(count: int, **more: object) -> list[Parcel]:
    return [replace(Parcel("a1", number, "hook", NOW + number), **more) for number in range(1, count + 1)]


def pace(per_minute: int = 10, *, has_fallback: bool = False) -> Pace:
    """One that has nothing behind it."""
    made = Pace(per_minute, Whole(), has_fallback=has_fallback)
    assert made.next((), None, NOW, 0) == Rest(None)
    return made


def test_one_after_the_other_in_order() -> None:
    each = pace()
    waiting = line(3)
    for left in range(3):
        assert each.next(waiting[left:], None, NOW, 0) == Go((waiting[left],))
        each.begin(0)
        each.arrived()
    assert each.next((), None, NOW, 0) == Rest(None)


def test_a_storm_is_one_message_and_the_limit_is_of_any_minute() -> None:
    each = pace(3)
    storm = line(100)
    assert each.next(storm, None, NOW, 0) == Go(tuple(storm))
    each.begin(0)
    for at in (10, 20):
        more = line(1)
        assert each.next(more, None, NOW, at * NS_PER_S) == Go(tuple(more))
        each.begin(at * NS_PER_S)
    assert each.next(line(5), None, NOW, 30 * NS_PER_S) == Rest(MINUTE_NS)
    assert each.next(line(5), None, NOW, MINUTE_NS) == Go(tuple(line(5)))
    each.begin(MINUTE_NS)
    assert each.next(line(1), None, NOW, MINUTE_NS) == Rest(MINUTE_NS + 10 * NS_PER_S)


def test_as_many_as_may_go_alone_go_alone() -> None:
    each = pace(3)
    assert each.next(line(3), None, NOW, 0) == Go(tuple(line(1)))
    assert each.next(line(4), None, NOW, 0) == Go(tuple(line(4)))


def test_more_than_one_message_holds_goes_in_several() -> None:
    many = line(MOST_TOGETHER + 1)
    found = pace().next(many, None, NOW, 0)
    assert found == Go(tuple(many[:MOST_TOGETHER]))


def test_what_piled_up_while_the_desk_was_away_is_one_message() -> None:
    each = Pace(10, Whole())
    assert each.next(line(2), None, NOW, 7) == Go(tuple(line(2)))
    each.begin(7)
    each.arrived()
    assert each.next((), None, NOW, 7) == Rest(None)
    assert each.next(line(2), None, NOW, 7) == Go(tuple(line(1)))


def test_what_was_begun_is_the_same_message_again() -> None:
    each = pace()
    begun = line(2, attempts=1)
    assert each.next([*begun, *line(9)[2:]], None, NOW, 0) == Go(tuple(begun))
    each.begin(0)
    verdict = each.failed(FAILED, begun, NOW, 0)
    assert isinstance(verdict, Again)
    wait = verdict.next_try - NOW
    assert 0.9 * NS_PER_S < wait <= NS_PER_S
    assert each.next([*begun, *line(9)[2:]], None, NOW, 0) == Rest(wait)
    assert each.next([*begun, *line(9)[2:]], None, NOW, wait) == Go(tuple(begun))
    each.begin(wait)
    each.arrived()
    piled = line(9)[2:]
    assert each.next(piled, None, NOW, wait) == Go(tuple(piled))


def test_a_desk_that_comes_back_waits_for_what_was_said_and_not_for_a_clock_that_was_set() -> None:
    begun = line(1, attempts=3, next_try=NOW + 5 * NS_PER_S)
    each = Pace(10, Whole())
    assert each.next(begun, None, NOW, 9) == Rest(9 + 5 * NS_PER_S)
    assert each.failures == 3
    far = line(1, attempts=3, next_try=NOW + 9000 * HOUR)
    assert Pace(10, Whole()).next(far, None, NOW, 9) == Rest(9 + seconds(HEEDED_S))
    past = line(1, attempts=3, next_try=NOW - HOUR)
    assert Pace(10, Whole()).next(past, None, NOW, 9) == Go(tuple(past))


def test_pauses_double_up_to_five_minutes_and_begin_anew_after_success() -> None:
    each, waits = pace(), []
    for _ in range(12):
        verdict = each.failed(FAILED, line(1), NOW, 0)
        assert isinstance(verdict, Again)
        waits.append(round((verdict.next_try - NOW) / NS_PER_S))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert waits[-1] == LONGEST_S
    each.arrived()
    verdict = each.failed(FAILED, line(1), NOW, 0)
    assert isinstance(verdict, Again)
    assert verdict.next_try <= NOW + NS_PER_S


@pytest.mark.parametrize(("asked", "heeded"), [(30.0, 30.0), (10**9, HEEDED_S), (0.0, 1.0)])
def test_a_channels_own_word_for_when_is_heeded(asked: float, heeded: float) -> None:
    verdict = pace().failed(Receipt(ok=False, retry_after_s=asked), line(1), NOW, 0)
    assert isinstance(verdict, Again)
    assert verdict.next_try - NOW == pytest.approx(seconds(heeded), rel=1e-5)


def test_a_final_refusal_is_given_up_at_once_and_holds_nothing_up() -> None:
    each = pace()
    assert each.failed(Receipt(ok=False, final=True), line(1), NOW, 0) == GiveUp()
    assert each.next(line(1), None, NOW, 0) == Go(tuple(line(1)))


@pytest.mark.parametrize(
    ("has_fallback", "failures", "age_s"),
    [(False, GIVE_UP_FAILURES, 86_400), (True, FALL_BACK_FAILURES, 120)],
)
def test_it_is_given_up_when_it_is_old_and_has_failed_often(
    has_fallback: bool, failures: int, age_s: int
) -> None:
    old = NOW + 1 + age_s * NS_PER_S
    each = pace(has_fallback=has_fallback)
    for _ in range(failures - 1):
        assert isinstance(each.failed(FAILED, line(1), old, 0), Again)
    assert isinstance(each.failed(FAILED, line(1), old - 1, 0), Again)
    assert each.failed(FAILED, line(1), old, 0) == GiveUp()
    assert isinstance(each.failed(FAILED, line(2), old, 0), Again), "the newest of a message counts"


def test_who_stands_in_for_a_channel_has_nobody_standing_in() -> None:
    fallback = {"hook": "mail", "mail": "hook"}
    (own,) = line(1)
    assert own.key == ("a1", 1)
    assert fallback_of(own, fallback) == "mail"
    assert fallback_of(own, {}) == ""
    assert fallback_of(replace(own, channel="mail", instead_of="hook"), fallback) == ""


# --- quiet hours

NIGHT = QuietHours(22 * 60, 7 * 60, "Europe/Berlin")


def at(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(moment.timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (NIGHT, at("2024-01-10T21:59:59"), None),
        (NIGHT, at("2024-01-10T22:00"), at("2024-01-11T07:00")),
        (NIGHT, at("2024-01-11T06:59:59"), at("2024-01-11T07:00")),
        (NIGHT, at("2024-01-11T07:00"), None),
        (NIGHT, at("2024-01-11T12:00"), None),
        (QuietHours(60, 120), at("2024-01-11T01:00", "UTC"), at("2024-01-11T02:00", "UTC")),
        (QuietHours(60, 120), at("2024-01-11T00:59", "UTC"), None),
        (QuietHours(60, 120), at("2024-01-11T02:00", "UTC"), None),
        (QuietHours(60, 120, "Nowhere/Atall"), at("2024-01-11T01:30", "UTC"), at("2024-01-11T02:00", "UTC")),
        # the night without an hour from 02:00 to 03:00: the wall shows 03:30 when 02:30 would be
        (QuietHours(60, 150, "Europe/Berlin"), at("2024-03-31T01:30"), at("2024-03-31T03:30")),
        # the night that has it twice
        (QuietHours(60, 150, "Europe/Berlin"), at("2024-10-27T01:30"), at("2024-10-27T02:30")),
        (
            QuietHours(60, 150, "Europe/Berlin"),
            at("2024-10-27T02:10", fold=1),
            at("2024-10-27T02:30", fold=1),
        ),
    ],
)
def test_quiet_hours_are_those_on_the_wall_of_their_zone(
    quiet: QuietHours, now: int, until: int | None
) -> None:
    assert quiet_until(quiet, now) == until


def test_quiet_hours_always_end_later_than_now() -> None:
    rng = Random(5)
    for _ in range(5_000):
        quiet = QuietHours(rng.randrange(1440), rng.randrange(1440), "Europe/Berlin")
        now = at("2024-10-26T20:00") + rng.randrange(12 * 3600) * NS_PER_S
        until = quiet_until(quiet, now)
        assert until is None or now < until <= now + 26 * HOUR


def test_what_is_quiet_is_held_the_others_go_past_it_and_critical_ones_go() -> None:
    night, end = at("2024-01-10T23:00"), at("2024-01-11T07:00")
    first, second, third = line(3)
    first = replace(first, quiet=NIGHT)
    each = pace()
    assert each.next([first, second], None, night, 0) == Hold(((first, end),))
    assert each.next([second], end, night, 0) == Go((second,))
    grave = replace(third, quiet=NIGHT, severity=Severity.CRITICAL)
    assert each.next([grave], end, night, 0) == Go((grave,))


def test_held_ones_are_looked_at_now_and_then_and_go_as_one_message() -> None:
    night, end = at("2024-01-10T23:00"), at("2024-01-11T07:00")
    each = pace()
    assert each.next((), end, night, 5) == Rest(5 + 600 * NS_PER_S)
    assert each.next((), end, end - NS_PER_S, 5) == Rest(5 + NS_PER_S)
    assert each.next((), end - 1, end, 5) == Rest(5)
    held = line(2, quiet=NIGHT, state=DeliveryState.HELD, next_try=end)
    assert each.next(held, None, end, 5) == Go(tuple(held))
