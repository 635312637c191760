"""The default list, and that it keeps to the venues that the user leads somewhere."""

from __future__ import annotations

import pytest

from bethna.app.wanted import followed_venues, wanted_names, within_hosts
from bethna.config import DEFAULT_SYMBOLS, HostUrls, Settings
from bethna.core.instrument import named_contract

SPOT = ["ETH-USDT@binance", "BTC-USDT@binance", "SOL-USDT@binance", "POL-USDT@binance"]
HERE = (HostUrls("ws://127.0.0.1:1", "http://127.0.0.1:1"),)


def names(settings: Settings) -> list[str]:
    found, refused = wanted_names(settings)
    assert refused == []
    return [name.id for name in found]


def test_the_default_list_is_spot_pairs_then_perpetuals_indices_and_volatilities() -> None:
    found = names(Settings())
    assert found[:4] == SPOT
    kinds = [named_contract(name.partition("@")[0]) for name in found[4:]]
    assert [each.kind for each in kinds if each is not None] == ["perpetual"] * 2 + ["index"] * 4
    assert followed_venues(Settings()) == ("binance", "deribit")


@pytest.mark.parametrize("source", ["live", "auto", "twin"])
def test_it_keeps_to_the_venues_of_the_users_hosts(source: str) -> None:
    settings = Settings(source=source, hosts={"binance": HERE})
    assert names(settings) == SPOT
    assert within_hosts(settings).symbols == DEFAULT_SYMBOLS[:4]
    assert names(Settings(source=source, hosts={"binance": HERE, "deribit": HERE})) == names(Settings())
    assert followed_venues(Settings(source=source, hosts={"deribit": HERE})) == ("deribit",)


def test_hosts_of_other_venues_leave_it_as_it_is() -> None:
    settings = Settings(hosts={"kraken": HERE})
    assert within_hosts(settings) is settings


def test_a_list_of_ones_own_stays() -> None:
    settings = Settings(symbols=("BTC-USDT", "BTC-DVOL@deribit"), hosts={"binance": HERE})
    assert names(settings) == ["BTC-USDT@binance", "BTC-DVOL@deribit"]


def test_a_bare_name_of_it_is_of_the_preferred_venue() -> None:
    assert names(Settings(preferred_venue="kraken"))[0] == "ETH-USDT@kraken"
