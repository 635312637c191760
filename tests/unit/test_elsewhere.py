"""Candles of hosts that are not the venue's own lie apart; those of its own where they always lay."""

from __future__ import annotations

from pathlib import Path

import pytest

from bethna.app.elsewhere import candle_folder, led_elsewhere
from bethna.cli.checks import check_led
from bethna.config import Settings, load

MAIN = "wss://stream.binance.com:9443|https://api.binance.com"
SPARE = "wss://data-stream.binance.vision|https://data-api.binance.vision"
HERE = "ws://127.0.0.1:9|http://127.0.0.1:9"
THERE = "wss://testnet.example.com|https://testnet.example.com"


def led(hosts: str, source: str = "live", **more: str) -> Settings:
    said = {"BETHNA_HOSTS": hosts, **more}
    return load("", said, {"source": source}, hosted=("coingecko",))


@pytest.mark.parametrize(
    "hosts",
    [
        "",
        f"binance={MAIN}",
        f"binance={SPARE},{MAIN}",
        "binance=WSS://Stream.Binance.com:9443/|https://api.binance.com:443",
        "coingecko=wss://index.example.com|https://index.example.com",
        "coinbase=wss://advanced-trade-ws.coinbase.com|https://api.coinbase.com",
    ],
)
def test_the_venues_own_hosts_keep_the_usual_folder(hosts: str) -> None:
    settings = led(hosts, BETHNA_WIRE="coinbase=advanced")
    assert led_elsewhere(settings) == {}
    assert candle_folder(settings) == "candles"
    assert check_led(settings) == []


def test_every_other_set_of_hosts_has_a_folder_of_its_own() -> None:
    said = [
        f"binance={HERE}",
        f"binance={THERE}",
        f"binance={MAIN},{THERE}",
        f"kraken={THERE}",
        f"binance={THERE};kraken={THERE}",
        f"binance={THERE}/v2",
        "binance=wss://stream.binance.com:9443|http://127.0.0.1:9",
    ]
    folders = [candle_folder(led(hosts)) for hosts in said]
    assert len({*folders, "candles"}) == len(said) + 1
    assert candle_folder(led(f"binance={HERE}")) == folders[0] == "candles-2d6483be", "the same at each start"


def test_order_spelling_and_the_hosts_of_others_make_no_other_folder() -> None:
    folder = candle_folder(led(f"binance={HERE},{THERE}"))
    assert candle_folder(led(f"binance={THERE},{HERE}")) == folder
    assert candle_folder(led(f"binance={THERE.replace('.com', '.COM:443')},{HERE}")) == folder
    assert (
        candle_folder(led(f"binance={THERE},{HERE};kraken=wss://ws.kraken.com|https://api.kraken.com"))
        == folder
    )


def test_what_is_simulated_as_such_lies_where_it_lay() -> None:
    assert candle_folder(led(f"binance={HERE}", "twin")) == "candles"
    assert check_led(led(f"binance={HERE}", "twin")) == []


@pytest.mark.parametrize("source", ["live", "auto"])
def test_doctor_says_it_in_one_line(source: str, tmp_path: Path) -> None:
    settings = led(f"binance={HERE};kraken={THERE}", source, BETHNA_DATA_DIR=str(tmp_path))
    (check,) = check_led(settings)
    assert (check.name, check.state, check.hint) == ("hosts", "ok", "")
    assert "binance, kraken" in check.found
    folder = candle_folder(led(f"binance={HERE};kraken={THERE}"))
    assert check.found.endswith(f"kept apart, in {tmp_path / 'live' / folder}")
