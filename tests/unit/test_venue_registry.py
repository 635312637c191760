"""The registry: names and URLs to venues."""

from __future__ import annotations

import pytest

from bethna.core.errors import ConfigError
from bethna.venues.registry import (
    VENUES,
    check_choices,
    codec_for,
    spec_for,
    venue_names,
    venue_of_url,
    wire_name,
    wire_of_url,
)


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


@pytest.mark.parametrize("name", ["coinbase", "kraken", "deribit"])
def test_an_option_that_a_venue_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(
        ConfigError, match=f"trade_stream of {name}: expected nothing, found 'trade'"
    ) as caught:
        codec_for(name, trade_stream="trade")
    assert caught.value.key == "trade_stream"


def test_a_venue_of_several_wires_speaks_the_chosen_one() -> None:
    usual, advanced = spec_for("coinbase"), spec_for("coinbase", "advanced")
    assert usual.name == advanced.name == "coinbase"
    assert usual.hosts != advanced.hosts
    assert (wire_name("coinbase"), wire_name("coinbase", "advanced")) == ("coinbase", "coinbase_advanced")
    with pytest.raises(ConfigError):
        wire_name("kraken", "advanced")
    codec = codec_for("coinbase", "advanced")
    assert wire_of_url(advanced.hosts[0].rest + codec.time_request().path) == "coinbase_advanced"
    assert codec.time_request() != codec_for("coinbase").time_request()


@pytest.mark.parametrize(
    ("trade_stream", "wire", "key", "said"),
    [
        ({}, {"coinbase": "exchange"}, "wire", "wire of coinbase: expected advanced, found 'exchange'"),
        ({}, {"kraken": "v1"}, "wire", "wire of kraken: expected nothing"),
        ({"binance": "x"}, {}, "trade_stream", "'x'"),
        (
            {"coinbase": "x"},
            {"coinbase": "advanced"},
            "trade_stream",
            "trade_stream of coinbase: expected nothing",
        ),
    ],
)
def test_a_choice_that_a_venue_does_not_have_is_refused(
    trade_stream: dict[str, str], wire: dict[str, str], key: str, said: str
) -> None:
    check_choices({"binance": "aggTrade"}, {"coinbase": "advanced"})
    with pytest.raises(ConfigError, match=said) as caught:
        check_choices(trade_stream, wire)
    assert caught.value.key == key


def test_the_venues_are_these_and_a_bare_symbol_means_the_first() -> None:
    assert venue_names() == ("binance", "coinbase", "kraken", "deribit")


@pytest.mark.parametrize(
    ("url", "wire"),
    [
        ("wss://ws.kraken.com", "kraken_v1"),
        ("wss://ws.kraken.com/", "kraken_v1"),
        ("wss://beta-ws.kraken.com/", "kraken_v1"),
        ("wss://ws.kraken.com/v2", "kraken"),
        ("https://api.kraken.com/0/public/Time", "kraken"),
        ("wss://advanced-trade-ws.coinbase.com", "coinbase_advanced"),
        ("https://api.coinbase.com/api/v3/brokerage/time", "coinbase_advanced"),
        ("wss://ws-feed.exchange.coinbase.com", "coinbase"),
        ("https://api.exchange.coinbase.com/time", "coinbase"),
        ("wss://ws-feed.pro.coinbase.com", "coinbase"),
        ("wss://www.deribit.com/ws/api/v2", "deribit"),
        ("wss://stream.binance.com:9443/ws", "binance"),
        ("https://api.coinbase.com.example.com/", None),
        ("ws://127.0.0.1:9000/", None),
        ("http://[", None),
    ],
)
def test_which_language_is_spoken_at_a_url(url: str, wire: str | None) -> None:
    assert wire_of_url(url) == wire


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
