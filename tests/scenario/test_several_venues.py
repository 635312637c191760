"""A desk of several venues, as a user meets it: one simulated market behind all of them, or the live ones of any."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from handmade import Bell
from scenario.cli_runs import end, error_of, line_of, run, running
from scenario.local_venue import local_venue
from scenario.test_sources import UP, Client, twin_codes

from bethna.app.reachable import look
from bethna.config import DEFAULT_SYMBOLS, load
from bethna.net.network import INTERNET
from bethna.runtime.clocks import SystemClock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")

WANTED = ("BTC-USDT@binance", "BTC-USD@coinbase", "BTC-USD@kraken", "BTC-PERPETUAL@deribit")
VENUES = [name.partition("@")[2] for name in WANTED]
SYMBOLS = [word for name in WANTED for word in ("--symbol", name)]
NOBODY = "ws://127.0.0.1:9|http://127.0.0.1:9"
NOWHERE = ";".join(f"{venue}={NOBODY}" for venue in VENUES)


def priced(answer: Any, count: int = len(WANTED)) -> bool:
    return len(answer["prices"]) == count and all(row["price"] is not None for row in answer["prices"])


def well(health: Any) -> bool:
    """Every venue delivers, every book is trusted; an index has none."""
    return (
        health["status"] == "ok"
        and all(card["status"] == "ok" for card in health["venues"].values())
        and all(card["book"] in ("trusted", "off") for card in health["instruments"].values())
    )


def test_four_venues_of_one_simulated_market_become_whole_and_heal(tmp_path: Path) -> None:
    environment = {
        "BETHNA_DATA_DIR": str(tmp_path),
        "BETHNA_HEAL_TIMEOUT_S": "1",
        "BETHNA_FIRST_DELAY_S": "0.1",
    }
    with running(*UP, "--source", "twin", "--seed", "7", *SYMBOLS, environment=environment) as process:
        said = line_of(process)
        assert (said["source"], said["simulation"]["seed"]) == ("twin", 7)
        desk = Client(said["url"])
        rows = desk.until("/api/v1/prices", priced)["prices"]
        assert {row["instrument"] for row in rows} == set(WANTED)
        assert {row["coverage"]["provenance"] for row in rows} == {"synthetic"}
        prices = [row["price"] for row in rows]
        assert max(prices) / min(prices) < 1.005, "one asset is worth the same everywhere"
        health = desk.until("/api/v1/health", well)
        assert set(health["venues"]) == set(VENUES)
        assert health["simulation"]["seed"] == 7

        os.kill(said["twin"]["pid"], signal.SIGKILL)
        expected = ["twin_ended", "twin_restarted"]
        events = desk.until("/api/v1/events", lambda found: twin_codes(found) == expected)
        since = events["events"][-1]["ts"]
        desk.until(
            "/api/v1/prices", lambda found: all((row["ts_recv"] or 0) > since for row in found["prices"])
        )
        health = desk.until(
            "/api/v1/health",
            lambda found: all(card["book"] == "trusted" for card in found["instruments"].values()),
        )
        assert health["simulation"]["seed"] not in (None, 7)
        assert end(process, signal.SIGTERM)[0] == 0


def test_a_venue_that_the_desk_did_not_begin_with_is_followed_while_it_runs(tmp_path: Path) -> None:
    environment = {"BETHNA_DATA_DIR": str(tmp_path)}
    with running(*UP, "--source", "twin", environment=environment) as process:
        desk = Client(line_of(process)["url"])
        assert set(desk.get("/api/v1/health")["venues"]) == {"binance", "deribit"}
        status, refused = desk.ask("PUT", "/api/v1/watchlist/NOPE-USD@kraken")
        assert (status, refused["error"]["code"]) == (404, "unknown_instrument")
        assert set(desk.get("/api/v1/health")["venues"]) == {"binance", "deribit"}, (
            "of which nothing is followed is not told"
        )
        assert desk.ask("PUT", "/api/v1/watchlist/BTC-USD@nowhere")[0] == 404
        assert desk.ask("PUT", "/api/v1/watchlist/BTC-USD@kraken")[0] in (200, 201)
        rows = desk.until("/api/v1/prices", lambda found: priced(found, len(DEFAULT_SYMBOLS) + 1))["prices"]
        price = {row["instrument"]: row["price"] for row in rows}
        assert abs(price["BTC-USD@kraken"] / price["BTC-USDT@binance"] - 1) < 0.005
        assert set(desk.until("/api/v1/health", well)["venues"]) == {"binance", "deribit", "kraken"}
        assert end(process, signal.SIGTERM)[0] == 0
    with running(*UP, "--source", "twin", environment=environment) as process:
        desk = Client(line_of(process)["url"])
        rows = desk.until("/api/v1/prices", lambda found: priced(found, len(DEFAULT_SYMBOLS) + 1))["prices"]
        assert "BTC-USD@kraken" in {row["instrument"] for row in rows}, "it was kept"
        assert end(process, signal.SIGTERM)[0] == 0


def test_twins_that_run_already_are_used_when_all_of_one_seed_are_there(tmp_path: Path) -> None:
    words = ("--port", "0", "--seed", "9", "--json", "--attached", "--symbols", "5")
    with (
        running("twin", "binance,kraken", *words) as market,
        running("twin", "kraken", *words[:2], *words[4:]) as other,
    ):
        places, strange = line_of(market)["venues"], line_of(other)["venues"]
        hosts = {venue: f"{venue}={place['ws']}|{place['url']}" for venue, place in places.items()}
        environment = {"BETHNA_HOSTS": ";".join(hosts.values()), "BETHNA_DATA_DIR": str(tmp_path / "data")}
        follow = ("--source", "twin", "--symbol", "BTC-USDT@binance")
        with running(*UP, *follow, environment=environment) as process:
            said = line_of(process)
            assert said["simulation"]["seed"] == 9
            assert said["twin"]["pid"] is None
            desk = Client(said["url"])
            assert desk.ask("PUT", "/api/v1/watchlist/BTC-USD@kraken")[0] in (200, 201)
            desk.until("/api/v1/prices", lambda found: priced(found, 2))
            status, refused = desk.ask("PUT", "/api/v1/watchlist/BTC-USD@coinbase")
            assert (status, refused["error"]["code"]) == (409, "cannot_follow")
            assert "the simulated market has no coinbase" in refused["error"]["message"]
            assert end(process, signal.SIGTERM)[0] == 0
        both = (*follow, "--symbol", "BTC-USD@kraken")
        for kraken in ("", f";kraken={strange['kraken']['ws']}|{strange['kraken']['url']}"):
            told = run(*UP, *both, environment={**environment, "BETHNA_HOSTS": hosts["binance"] + kraken})
            assert (told.returncode, error_of(told)["code"]) == (2, "bad_setting")
            assert "expected a simulated kraken of seed 9" in error_of(told)["message"]


async def test_one_venue_that_answers_is_enough_for_the_live_market() -> None:
    async with local_venue(Bell()) as venue:
        venue.rest["/api/v3/time"] = [(200, {}, b'{"serverTime":1700000000000}')]
        hosts = f"binance={venue.ws_url}|{venue.rest_url};kraken={NOBODY};deribit={NOBODY}"
        settings = load("", {"BETHNA_HOSTS": hosts})
        async with asyncio.timeout(20):
            found = await look(settings, ("kraken", "binance", "deribit"), SystemClock(), INTERNET)
            assert found.answered == f"127.0.0.1:{venue.port}"
            found = await look(settings, ("kraken", "deribit"), SystemClock(), INTERNET)
            assert found.answered == ""
            assert list(found.silent) == ["127.0.0.1:9 cannot be connected to"] * 2


def test_when_no_venue_answers_all_are_simulated_with_every_reason(tmp_path: Path) -> None:
    environment = {"BETHNA_HOSTS": NOWHERE, "BETHNA_DATA_DIR": str(tmp_path)}
    with running(*UP, *SYMBOLS[:4], environment=environment) as process:
        said = line_of(process)
        assert said["source"] == "twin"
        assert said["simulation"]["reason"].count("cannot be connected to") == 2
        Client(said["url"]).until("/api/v1/prices", lambda found: priced(found, 2))
        assert end(process, signal.SIGTERM)[0] == 0
