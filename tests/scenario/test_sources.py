"""Where a desk's data comes from, as a user meets it: real desks, real twins, closed ports for a venue out of reach."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from handmade import Bell
from scenario.cli_runs import PATIENCE_S, end, error_of, line_of, run, running
from scenario.local_venue import local_venue

from bethna.config import DEFAULT_SYMBOLS
from bethna.twins.registry import VENUES
from bethna.venues.registry import venue_names

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")

SYMBOLS = tuple(symbol.partition("@")[0] for symbol in DEFAULT_SYMBOLS)
NOWHERE = {"BETHNA_HOSTS": "binance=ws://127.0.0.1:9|http://127.0.0.1:9,ws://127.0.0.1:7|http://127.0.0.1:7"}
UP = ("up", "--port", "0", "--json")


class Client:
    """Asks one desk, or one twin, over and over."""

    def __init__(self, url: str) -> None:
        self.address = url.removeprefix("http://")

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and body; the connection is closed."""
        connection = HTTPConnection(self.address, timeout=PATIENCE_S)
        with closing(connection):
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": "application/json"} if text else {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def get(self, path: str) -> Any:
        return self.ask("GET", path)[1]

    def restart(self) -> tuple[int, Any]:
        return self.ask("POST", "/api/v1/restart", {"source": "live"})

    def until(self, path: str, wanted: Callable[[Any], bool]) -> Any:
        """The first answer that is wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while not wanted(found := self.get(path)):
            assert time.monotonic() < deadline, json.dumps(found)[:3000]
        return found

    def comes_back(self) -> None:
        """Wait until the desk is another one; who was just let in by the old one is cut off."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with suppress(OSError, HTTPException):
                if self.get("/api/v1/health")["simulation"] is None:
                    return
            assert time.monotonic() < deadline, "it never came back"

    def answers(self) -> bool:
        """Whether anybody is there."""
        try:
            self.get("/twin/state")
        except (OSError, HTTPException):
            return False
        return True

    def gone(self) -> None:
        """Wait until nobody is there any more."""
        deadline = time.monotonic() + PATIENCE_S
        while self.answers():
            assert time.monotonic() < deadline, "it still answers"


def port_for_later() -> str:
    """A port that is free now."""
    with running("twin", "binance", "--port", "0", "--json", "--attached") as first:
        port: str = line_of(first)["url"].rpartition(":")[2]
        first.kill()
    return port


def leads_to(port: str, folder: Path) -> dict[str, str]:
    """The surroundings of a desk whose live market is on a port, when it is."""
    return {
        "BETHNA_HOSTS": f"binance=ws://127.0.0.1:{port}|http://127.0.0.1:{port}",
        "BETHNA_LIVE_PROBE_S": "1",
        "BETHNA_DATA_DIR": str(folder),
    }


def twin_codes(events: Any) -> list[str]:
    """What became of the twin, in order."""
    return [event["code"] for event in events["events"] if event["code"].startswith("twin_")]


def priced(answer: Any) -> bool:
    """All of the default list, or those of it that are of the only venue in `hosts`."""
    whole = len(answer["prices"]) in (len(SYMBOLS), 4)
    return whole and all(row["price"] is not None for row in answer["prices"])


def test_a_simulated_market_moves_and_says_what_it_is(tmp_path: Path) -> None:
    environment = {"BETHNA_DATA_DIR": str(tmp_path)}
    with running(*UP, "--source", "twin", "--seed", "7", environment=environment) as process:
        said = line_of(process)
        assert said["source"] == "twin"
        assert said["simulation"] == {
            "seed": 7, "reason": "the settings ask for it", "live_reachable": False
        }  # fmt: skip
        desk, twin = Client(said["url"]), Client(said["twin"]["url"])
        before = desk.until("/api/v1/prices", priced)
        assert [row["symbol"] for row in before["prices"]] != []
        moved = desk.until(
            "/api/v1/prices",
            lambda now: all(
                new["ts_event"] > old["ts_event"]
                for new, old in zip(now["prices"], before["prices"], strict=True)
            ),
        )
        assert {row["symbol"] for row in moved["prices"]} == set(SYMBOLS)
        assert {row["coverage"]["provenance"] for row in moved["prices"]} == {"synthetic"}
        health = desk.get("/api/v1/health")
        assert (health["source"], health["simulation"]["seed"]) == ("twin", 7)
        assert [path.name for path in tmp_path.iterdir()] == ["twin-7"]
        assert twin.answers()
        assert end(process, signal.SIGTERM)[0] == 0
        twin.gone()
    assert not list(tmp_path.iterdir())


def test_it_is_announced_in_a_frame(tmp_path: Path) -> None:
    environment = {**NOWHERE, "BETHNA_DATA_DIR": str(tmp_path)}
    with running("up", "--port", "0", environment=environment) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode().rstrip()]
        while not lines[-1].startswith("BethNa is at"):
            lines.append(process.stdout.readline().decode().rstrip())
        assert lines[0] == lines[-2]
        assert set(lines[0]) == {"+", "-"}
        assert {len(line) for line in lines[:-1]} == {len(lines[0])}
        words = " ".join(" ".join(line.strip("| ") for line in lines[1:-2]).split())
        assert "SIMULATED MARKET, seed " in words
        assert "Why: no live host answers: 127.0.0.1:9 cannot be connected to, 127.0.0.1:7 cannot be" in words
        assert lines[-1].endswith("(twin). Ctrl-C ends it.")
        assert end(process, signal.SIGINT)[0] == 130


def test_a_live_host_that_answers_is_what_auto_takes(tmp_path: Path) -> None:
    async def decided() -> dict[str, Any]:
        async with local_venue(Bell()) as venue:
            venue.rest["/api/v3/time"] = [(200, {}, b'{"serverTime":1700000000000}')]
            hosts = f"binance=ws://127.0.0.1:9|http://127.0.0.1:9,{venue.ws_url}|{venue.rest_url}"
            environment = {"BETHNA_HOSTS": hosts, "BETHNA_DATA_DIR": str(tmp_path)}
            with running(*UP, environment=environment) as process:
                said = await asyncio.to_thread(line_of, process)
                health = await asyncio.to_thread(Client(said["url"]).get, "/api/v1/health")
                assert (health["source"], health["simulation"]) == ("live", None)
                await asyncio.to_thread(end, process, signal.SIGTERM)
                return said

    said = asyncio.run(decided())
    assert (said["source"], said["simulation"], said["twin"]) == ("live", None, None)


def test_a_twin_dies_with_its_desk_however_that_ends(tmp_path: Path) -> None:
    with running(*UP, "--source", "twin", environment={"BETHNA_DATA_DIR": str(tmp_path)}) as process:
        twin = Client(line_of(process)["twin"]["url"])
        assert twin.answers()
        process.kill()
        process.wait(PATIENCE_S)
        twin.gone()


def test_a_twin_that_dies_is_replaced_and_the_feed_goes_on(tmp_path: Path) -> None:
    environment = {
        "BETHNA_DATA_DIR": str(tmp_path),
        "BETHNA_HEAL_TIMEOUT_S": "1",
        "BETHNA_FIRST_DELAY_S": "0.1",
    }
    with running(*UP, "--source", "twin", "--seed", "7", environment=environment) as process:
        said = line_of(process)
        desk = Client(said["url"])
        desk.until("/api/v1/prices", priced)
        notices = len(desk.get("/api/v1/health")["notices"])
        os.kill(said["twin"]["pid"], signal.SIGKILL)
        expected = ["twin_ended", "twin_restarted"]
        events = desk.until("/api/v1/events", lambda found: twin_codes(found) == expected)
        health = desk.get("/api/v1/health")
        seed = health["simulation"]["seed"]
        assert seed not in (None, 7)
        assert seed == Client(said["twin"]["url"]).get("/twin/state")["seed"]
        assert len(health["notices"]) == notices + 1
        assert f"seed {seed}" in health["notices"][-1]
        since = events["events"][-1]["ts"]
        desk.until(
            "/api/v1/prices", lambda found: all((row["ts_recv"] or 0) > since for row in found["prices"])
        )
        assert desk.get("/api/v1/health")["status"] in ("ok", "degraded")
        code, errors = end(process, signal.SIGTERM)
        assert code == 0
        logged = [json.loads(line) for line in errors.splitlines() if '"twin_' in line]
        assert [line["event"] for line in logged] == expected
        assert {line["level"] for line in logged} == {"warning"}
        assert logged[-1]["seed"] == seed


def test_the_way_into_the_live_market_is_offered_and_taken(tmp_path: Path) -> None:
    """The live market is a second twin, on a port that was closed when the desk began."""
    port = port_for_later()
    with running(*UP, environment=leads_to(port, tmp_path)) as process:
        said = line_of(process)
        desk, twin = Client(said["url"]), Client(said["twin"]["url"])
        assert said["source"] == "twin"
        assert desk.get("/api/v1/health")["simulation"]["live_reachable"] is False
        status, refused = desk.restart()
        assert (status, refused["error"]["code"]) == (409, "live_not_reachable")
        with running("twin", "binance", "--port", port, "--json", "--attached") as market:
            line_of(market)
            health = desk.until("/api/v1/health", lambda found: found["simulation"]["live_reachable"])
            assert health["source"] == "twin"  # it never changes by itself
            assert "live_reachable" in [event["code"] for event in desk.get("/api/v1/events")["events"]]
            assert desk.restart() == (202, {"restarting": "live"})
            again = line_of(process)
            assert (again["url"], again["source"], again["pid"]) == (said["url"], "live", said["pid"])
            twin.gone()
            desk.until("/api/v1/prices", priced)
            health = desk.get("/api/v1/health")
            assert (health["source"], health["simulation"]) == ("live", None)
            prices = desk.get("/api/v1/prices")["prices"]
            assert {row["coverage"]["provenance"] for row in prices} == {"live"}
            assert [path.name for path in tmp_path.iterdir()] == ["live"]
            assert desk.restart()[0] == 409
            assert end(process, signal.SIGTERM)[0] == 0


def test_a_twin_that_runs_already_is_used_and_outlives_the_desk(tmp_path: Path) -> None:
    with running("twin", "binance", "--port", "0", "--seed", "9", "--json", "--attached") as market:
        twin = line_of(market)
        environment = {
            "BETHNA_HOSTS": f"binance={twin['ws']}|{twin['url']}",
            "BETHNA_DATA_DIR": str(tmp_path / "data"),
        }
        with running(*UP, "--source", "twin", environment=environment) as process:
            said = line_of(process)
            assert (said["source"], said["simulation"]["seed"]) == ("twin", 9)
            assert said["twin"] == {"url": twin["url"], "pid": None}
            assert twin["url"] in said["simulation"]["reason"]
            desk = Client(said["url"])
            rows = desk.until("/api/v1/prices", priced)["prices"]
            assert {row["coverage"]["provenance"] for row in rows} == {"synthetic"}
            assert desk.restart()[0] == 409  # its hosts lead to the twin: nothing there is live
            assert end(process, signal.SIGTERM)[0] == 0
        (tmp_path / "faults.toml").write_text('[[fault]]\nkind = "cut"\n')
        for words in (["--seed", "8"], ["--faults", str(tmp_path / "faults.toml")]):
            told = run(*UP, "--source", "twin", *words, environment=environment)
            assert (told.returncode, error_of(told)["code"]) == (2, "bad_setting")
            assert "runs already" in error_of(told)["message"]
        assert Client(twin["url"]).answers()


def test_a_desk_whose_first_line_was_all_that_somebody_read_can_be_restarted(tmp_path: Path) -> None:
    port = port_for_later()
    with running(*UP, environment=leads_to(port, tmp_path)) as process:
        desk = Client(line_of(process)["url"])
        assert process.stdout is not None
        process.stdout.close()
        with running("twin", "binance", "--port", port, "--json", "--attached") as market:
            line_of(market)
            desk.until("/api/v1/health", lambda found: found["simulation"]["live_reachable"])
            assert desk.restart()[0] == 202
            desk.comes_back()
            assert desk.get("/api/v1/health")["source"] == "live"
            process.stdout = None
            assert end(process, signal.SIGTERM)[0] == 0


def test_a_desk_that_was_told_to_simulate_is_not_restarted_into_nothing(tmp_path: Path) -> None:
    environment = {**NOWHERE, "BETHNA_DATA_DIR": str(tmp_path)}
    with running(*UP, "--source", "twin", environment=environment) as process:
        desk = Client(line_of(process)["url"])
        status, refused = desk.restart()
        assert (status, refused["error"]["code"]) == (409, "live_not_reachable")
        assert desk.get("/api/v1/health")["source"] == "twin"
        assert end(process, signal.SIGTERM)[0] == 0


@pytest.mark.parametrize("source", ["twin", "auto"])
def test_a_wrong_fault_file_is_refused_before_anything_starts(tmp_path: Path, source: str) -> None:
    (tmp_path / "faults.toml").write_text('[[fault]]\nkind = "cut"\n\n[[fault]]\nkind = "cutt"\n')
    words = (*UP, "--source", source, "--faults", str(tmp_path / "faults.toml"))
    told = run(*words, environment={**NOWHERE, "BETHNA_DATA_DIR": str(tmp_path / "data")})
    assert (told.returncode, error_of(told)["code"]) == (2, "bad_fault_file")
    assert "faults.toml line 5" in error_of(told)["message"]
    assert "did you mean cut" in error_of(told)["hint"]
    words = (*UP, "--source", source, "--faults", str(tmp_path / "none.toml"))
    told = run(*words, environment={**NOWHERE, "BETHNA_DATA_DIR": str(tmp_path / "data")})
    assert (told.returncode, error_of(told)["code"]) == (2, "bad_fault_file")
    assert not (tmp_path / "data").exists()


def test_every_venue_can_be_simulated() -> None:
    assert set(venue_names()) <= set(VENUES)


@pytest.mark.parametrize(
    "words",
    [
        ["--source", "twin", "--record", "x.jsonl.zst"],
        ["--source", "twin", "--speed", "2"],
        ["--source", "live", "--seed", "7"],
        ["--source", "live", "--faults", "x.toml"],
        ["--record", "x.jsonl.zst", "--seed", "7"],
        ["--seed", "seven"],
    ],
)
def test_options_that_would_do_nothing_are_wrong_usage(words: list[str], tmp_path: Path) -> None:
    told = run(*UP, *words, environment={**NOWHERE, "BETHNA_DATA_DIR": str(tmp_path / "data")})
    assert (told.returncode, error_of(told)["code"]) == (2, "usage")
    assert "--" in error_of(told)["message"]
    assert not (tmp_path / "data").exists()


def test_a_seed_out_of_range_is_a_wrong_setting(tmp_path: Path) -> None:
    told = run(
        *UP, "--source", "twin", "--seed", "-1", environment={"BETHNA_DATA_DIR": str(tmp_path / "data")}
    )
    assert (told.returncode, error_of(told)["code"]) == (2, "bad_setting")
    assert "option --seed" in error_of(told)["message"]


def test_recording_is_of_the_live_wire_and_nothing_else(tmp_path: Path) -> None:
    """With --record, auto means live: the desk waits for the venue instead of simulating one."""
    environment = {**NOWHERE, "BETHNA_DATA_DIR": str(tmp_path)}
    with running(*UP, "--record", str(tmp_path / "x.jsonl.zst"), environment=environment) as process:
        assert line_of(process)["source"] == "live"
        end(process, signal.SIGTERM)
