"""What docs/reference/twin.md says of Kraken's twin is what it speaks."""

from __future__ import annotations

import re
from pathlib import Path

from bethna.twins.kraken import Rules, listings
from bethna.twins.kraken.words import DEPTHS, INTERVALS, METHODS, ROOT, SOCKET, WORDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "twin.md").read_text("utf-8")
PART = re.split(r"^##", PAGE.partition("\n### Kraken\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def paragraph(begin: str) -> str:
    return next(each for each in PART.split("\n\n") if each.startswith(begin))


def test_channels_and_methods() -> None:
    channels = set(re.findall(r"`([a-z]+)`", paragraph("Channels"))) - {"bbo", "status"}
    assert channels == {suffix.partition("-")[0] for suffix in WORDS.streams} - {"heartbeat"}
    assert f"depths {', '.join(map(str, DEPTHS))}" in paragraph("Channels")
    assert f"{INTERVALS[0]} to\n{INTERVALS[-1]} minutes" in paragraph("Channels")
    assert set(re.findall(r"`([A-Z][A-Za-z]+)`", paragraph("Methods"))) - {"XBTUSD", "XXBTZUSD"} == set(
        METHODS
    )
    assert f"HOST:PORT{ROOT}/" in PART
    assert f"HOST:PORT{SOCKET}`" in PART


def test_rules() -> None:
    rules, said = Rules(), paragraph("Its rules")
    assert f"{rules.rest_burst:.0f} requests at once" in said
    assert f"{rules.connections}\nattempts" in said
    assert f"{rules.messages_per_s} messages a second" in said
    assert (rules.rest_per_s, rules.connection_window_s, rules.ban_s, rules.idle_s) == (1, 600, 600, 60)
    assert [each.symbol for each in listings() if not each.trading] == ["EOS/EUR"]
