"""What docs/reference/twin.md says the twin speaks is what it speaks."""

from __future__ import annotations

import re
from pathlib import Path

from bethna.twins.binance import rest
from bethna.twins.binance.streams import SILENT, WINDOWS, parse

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "twin.md"


def named(heading: str) -> list[str]:
    """What is in backticks in the paragraph that begins so."""
    found = re.search(rf"^{heading}.*?(?=^$)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return re.findall(r"`([^`]+)`", found[0])


def test_requests() -> None:
    assert (
        set(named("Requests")) - {rest.ROOT}
        == {*rest._ENDPOINTS, "/exchangeInfo"}
        == {*rest.LEAST_WEIGHTS, "/ping", "/time"}
    )


def test_streams() -> None:
    said = [name for name in named("Streams") if not name.startswith("@")]
    for name in said:
        stream = parse(name if name.startswith("!") else f"btcusdt@{name.replace('INTERVAL', '1m')}")
        assert stream is not None, name
        assert stream.kind != SILENT, name
    assert {name for name in said if name.startswith("!ticker")} == {
        f"!ticker_{each}@arr" for each in WINDOWS
    }
