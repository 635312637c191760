"""Time zones at the edge of the command line: read and shown, with the two hours a year that are not as others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.cli import zones
from bethna.cli.zones import UTC_ZONE, ZoneName, zone_of
from bethna.core.clock import NS_PER_S

BERLIN = zone_of("Europe/Berlin")
ZONES = [
    zone_of(name)
    for name in ("UTC", "local", "+05:45", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
]


def naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("zone", "when", "wanted"),
    [
        ("UTC", "2026-11-26T14:00", "2026-11-26T14:00"),
        ("z", "2026-11-26", "2026-11-26"),
        ("+02:00", "2026-11-26T14:00", "2026-11-26T12:00"),
        ("-0330", "2026-11-26T14:00", "2026-11-26T17:30"),
        ("Europe/Berlin", "2026-11-26T14:00", "2026-11-26T13:00"),
        ("Europe/Berlin", "2026-07-01", "2026-06-30T22:00"),
        ("europe/berlin", "2026-03-29T01:59", "2026-03-29T00:59"),
        ("America/New_York", "2026-11-26T14:00", "2026-11-26T19:00"),
        ("UTC", "0001-01-01", "0001-01-01"),
    ],
)
def test_an_instant_without_an_offset_is_of_the_zone(zone: str, when: str, wanted: str) -> None:
    assert zone_of(zone).read(naive(when)) == ns(wanted)


def test_one_with_an_offset_keeps_it() -> None:
    assert BERLIN.read(naive("2026-11-26T14:00+05:00")) == ns("2026-11-26T09:00")


def test_an_hour_that_is_skipped_is_no_time() -> None:
    with pytest.raises(ValueError, match="expected a time that Europe/Berlin has, found 2026-03-29 02:30:00"):
        BERLIN.read(naive("2026-03-29T02:30"))


def test_an_hour_that_comes_twice_says_how_to_tell_it() -> None:
    with pytest.raises(ValueError, match="is twice in Europe/Berlin") as caught:
        BERLIN.read(naive("2026-10-25T02:30"))
    assert "one of 2026-10-25T02:30:00+02:00 and 2026-10-25T02:30:00+01:00" in str(caught.value)


def test_what_is_shown_has_its_offset_but_in_utc() -> None:
    ts = ns("2026-10-25T00:59:59") + 7_000_000
    assert (UTC_ZONE.clock(ts), UTC_ZONE.said(ts)) == (
        "2026-10-25 00:59:59.007",
        "2026-10-25 00:59:59.007 UTC",
    )
    assert BERLIN.clock(ts) == BERLIN.said(ts) == "2026-10-25 02:59:59.007 +02:00"
    assert BERLIN.clock(ts + NS_PER_S) == "2026-10-25 02:00:00.007 +01:00"
    assert zone_of("-03:30").clock(ts) == "2026-10-24 21:29:59.007 -03:30"


@given(st.integers(0, 4_000_000_000), st.sampled_from(ZONES))
def test_what_is_shown_reads_as_the_same_instant(second: int, zone: zones.Zone) -> None:
    shown = zone.clock(second * NS_PER_S)
    text = shown if zone is not UTC_ZONE else f"{shown}+00:00"
    assert zone.read(naive(text.replace(" +", "+").replace(" -", "-"))) == second * NS_PER_S


@pytest.fixture
def in_lord_howe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clocks are set by half an hour."""
    monkeypatch.setenv("TZ", "Australia/Lord_Howe")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_lord_howe")
def test_local_is_the_machines_own() -> None:
    local = zone_of("Local")
    assert local.read(naive("2026-01-01T11:00")) == ns("2026-01-01")
    assert local.clock(ns("2026-07-01")) == "2026-07-01 10:30:00.000 +10:30"
    with pytest.raises(ValueError, match="is twice in local"):
        local.read(naive("2026-04-05T01:45"))
    with pytest.raises(ValueError, match="expected a time that local has"):
        local.read(naive("2026-10-04T02:15"))


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ("Europe/Berln", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("new york", "America/New_York"),
        ("kolkata", "Asia/Kolkata"), ("America", ""), ("../../etc/passwd", ""), ("Mars/Olympus_Mons", ""), ("", ""),
        ("\x00", ""), ("x" * 500, ""), ("+25:00", ""),
    ],
)  # fmt: skip
def test_an_unknown_zone_names_the_nearest(said: str, near: str) -> None:
    with pytest.raises(
        ValueError, match="expected a time zone such as Europe/Berlin, UTC, local or"
    ) as caught:
        zone_of(said)
    assert ("nearest: " + near in str(caught.value)) if near else True
    assert len(str(caught.value)) < 250


def test_a_machine_without_a_list_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "_names", set)
    with pytest.raises(ValueError, match=r"no list of time zones, .* `pip install tzdata` brings the list"):
        zone_of("Europe/Nowhere")
    assert zone_of("local").name == "local"
    assert zone_of("+01:00").clock(0) == "1970-01-01 01:00:00.000 +01:00"


def test_names_are_completed() -> None:
    completed = [each.value for each in ZoneName().shell_complete(None, None, "europe/ber")]  # type: ignore[arg-type]  # neither is looked at
    assert completed == ["Europe/Berlin"]
