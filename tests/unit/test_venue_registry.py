"""The registry: names and URLs to venues."""

from __future__ import annotations

import pytest

from bethna.core.errors import ConfigError
from bethna.venues.registry import VENUES, codec_for, spec_for, venue_names, venue_of_url


def test_every_venue_is_registered_under_its_own_name() -> None:
    assert venue_names() == tuple(VENUES)
    for name in venue_names():
        assert spec_for(name).name == name
        assert codec_for(name) is not codec_for(name)


def test_an_unknown_venue_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="binanse") as caught:
        spec_for("binanse")
    assert "binance" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        codec_for("zzz")
    assert "binance" in caught.value.hint


def test_an_option_that_a_codec_does_not_know_is_refused_with_what_there_is() -> None:
    for name in ("trade", "aggTrade"):
        codec_for("binance", trade_stream=name)
    with pytest.raises(ConfigError, match="nope") as caught:
        codec_for("binance", trade_stream="nope")
    assert caught.value.key == "trade_stream"
    assert "trade or aggTrade" in caught.value.hint


@pytest.mark.parametrize("name", venue_names())
def test_a_venues_own_urls_are_its_own(name: str) -> None:
    for host in spec_for(name).hosts:
        assert venue_of_url(f"{host.ws}/stream?streams=a@b") == name
        assert venue_of_url(f"{host.rest}/api?x=1") == name


@pytest.mark.parametrize(
    ("url", "venue"),
    [
        ("https://api1.binance.com/api/v3/depth", "binance"),
        ("wss://STREAM.Binance.com:9443/ws", "binance"),
        ("https://binance.com.evil.example/api", None),
        ("https://notbinance.com/", None),
        ("ws://127.0.0.1:9000/stream", None),
        ("ws://[::1]:9000/stream", None),
        ("/api/v3/depth?symbol=BTCUSDT", None),
        ("", None),
        ("http://[", None),
    ],
)
def test_whose_url(url: str, venue: str | None) -> None:
    assert venue_of_url(url) == venue
