"""What the doctor says of a running desk, and where it sends who reads on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bethna.api.protocol import CoverageCard, HealthAnswer, InstrumentCard, VenueCard
from bethna.cli.checks import TROUBLESHOOTING, See
from bethna.cli.desks import judged, resident_bytes
from bethna.cli.reach import unreachable
from bethna.core.coverage import Provenance, State
from bethna.core.status import Trust

ROOT = Path(__file__).resolve().parents[2]
VENUE = VenueCard("ok", "", 1, 1, 0, 0, None, 10, 0, 0, 0, None, 0, 0, 1)
CARD = InstrumentCard(
    "live", "", "venue", "ETH-USDT", Trust.TRUSTED, 1, 0, 0, 0, 1, 0, 0, 5, 5,
    CoverageCard(Provenance.LIVE, State.COMPLETE, [], ("venue",), 5),
)  # fmt: skip
HEALTH = HealthAnswer("ok", "1", "live", None, None, 5, None, {"venue": VENUE}, {"ETH-USDT@venue": CARD}, [])


def anchors() -> set[str]:
    """The headings of the page as a forge names them."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / TROUBLESHOOTING).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("see", [see for see in See if see])
def test_every_section_that_a_check_leads_to_is_there(see: See) -> None:
    assert see.value in anchors()
    assert see.where == f"docs/how-to/troubleshooting.md#{see.value}"


@pytest.mark.parametrize("see", [See.NO_CONNECTION, See.UPDATES, See.MEMORY, See.BLOCKED, See.CLOCK])
def test_the_sections_say_how_to_see_it_why_and_what_to_do(see: See) -> None:
    text = (ROOT / TROUBLESHOOTING).read_text()
    by_anchor = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"): body
        for heading, body in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    }
    assert re.findall(r"^\*\*(.*?)\.\*\*", by_anchor[see.value], re.MULTILINE) == [
        "How to see it", "Why", "What to do",
    ]  # fmt: skip


def test_a_desk_that_is_well() -> None:
    check = judged("http://127.0.0.1:8700", HEALTH)
    assert (check.state, check.see) == ("ok", See.NOWHERE)
    assert "live" in check.found


def test_a_venue_that_does_not_deliver_comes_first() -> None:
    away = replace(VENUE, status="failing")
    lacking = replace(CARD, status="stale")
    health = replace(HEALTH, status="down", venues={"venue": away}, instruments={"ETH-USDT@venue": lacking})
    check = judged("http://127.0.0.1:8700", health)
    assert (check.state, check.see) == ("warning", See.NO_CONNECTION)
    assert "venue is failing" in check.found


@pytest.mark.parametrize(
    "card",
    [
        replace(CARD, status="stale"),
        replace(CARD, status="refused"),
        replace(CARD, coverage=replace(CARD.coverage, state=State.INCOMPLETE)),
    ],
)
def test_what_is_missing_is_named(card: InstrumentCard) -> None:
    check = judged("http://127.0.0.1:8700", replace(HEALTH, instruments={"ETH-USDT@venue": card}))
    assert (check.state, check.see) == ("warning", See.UPDATES)
    assert "ETH-USDT@venue is " in check.found
    assert "bethna status" in check.hint


@pytest.mark.parametrize(
    ("status", "see"),
    [(451, See.BLOCKED), (403, See.BLOCKED), (502, See.NO_CONNECTION), (None, See.NO_CONNECTION)],
)
def test_a_host_that_lets_nobody_in_is_not_one_that_cannot_be_reached(status: int | None, see: See) -> None:
    one, of_two = (
        unreachable("kraken host REST", "it answers", status, venue="kraken", another=another)
        for another in (False, True)
    )
    assert (one.state, one.see) == (of_two.state, of_two.see) == ("unreachable", see)
    assert "proxy" in one.hint
    assert "other host" not in one.hint, "no host is promised that the venue has not got"
    assert "other host" in of_two.hint


def test_memory_is_that_of_the_process() -> None:
    found = resident_bytes(os.getpid())
    assert found is not None
    assert 5_000_000 < found < 50_000_000_000
    assert resident_bytes(2**22 + 12345) is None


def test_a_check_is_an_object_for_programs() -> None:
    said = msgspec.to_builtins(judged("http://127.0.0.1:8700", HEALTH))
    assert set(said) == {"name", "state", "found", "hint", "clock_offset_s", "see"}
