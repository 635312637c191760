"""`record` and `doctor` against a small venue on loopback: a real process, real sockets, real files."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from handmade import Bell
from scenario.cli_runs import PATIENCE_S, line_of, run, running
from scenario.local_venue import LocalVenue, local_venue
from websockets.exceptions import ConnectionClosed

from bethna.store.tapes import TapeReader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX systems")


@pytest.fixture
async def venue() -> AsyncIterator[LocalVenue]:
    async with local_venue(Bell()) as found:
        found.rest["/api/v3/time"] = [(200, {}, b'{"serverTime":%d}' % (time.time_ns() // 1_000_000 + 5_000))]
        yield found


FULL_AT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY)); "


def leads_to(venue: LocalVenue) -> dict[str, str]:
    return {"BETHNA_HOSTS": f"binance={venue.ws_url}|{venue.rest_url}", "BETHNA_SYMBOLS": "BTC-USDT"}


async def finished(process: subprocess.Popen[bytes]) -> tuple[int, dict[str, Any], str]:
    """Exit code, the last JSON line, stderr; once it has ended, while the venue goes on."""
    out, errors = await asyncio.to_thread(process.communicate, None, PATIENCE_S)
    lines = out.decode().splitlines()
    return process.returncode, json.loads(lines[-1]) if lines else {}, errors.decode()


async def trades(venue: LocalVenue, count: int) -> None:
    """Until a socket stands, then so many trades, each sent once."""
    await venue.bell.until(
        lambda: venue.live and "btcusdt@trade" in venue.live[0].streams, "a socket with trades"
    )
    for _ in range(count):
        await venue.trade()


def recorded_trades(path: Path) -> list[int]:
    frames = [json.loads(entry.raw) for entry in TapeReader(path) if entry.kind == "rx"]
    return [frame["data"]["t"] for frame in frames if frame.get("stream") == "btcusdt@trade"]


async def test_what_the_wire_says_is_on_the_tape(venue: LocalVenue, tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.jsonl.zst"
    with running("record", str(path), "--single", "--json", environment=leads_to(venue)) as process:
        await trades(venue, 50)
        (connection,) = venue.live
        await venue.bell.wait_for(await connection.ping())  # a pong: what came before the ping has been read
        process.send_signal(signal.SIGINT)
        code, said, errors = await finished(process)
    assert code == 130
    assert f"recording BTC-USDT into {path}" in errors
    entries = list(TapeReader(path))
    assert (said["files"], said["entries"], said["bytes"]) == ([str(path)], len(entries), path.stat().st_size)
    assert recorded_trades(path) == list(range(1, 51))
    opened = [entry for entry in entries if entry.kind == "open"]
    assert [entry.url for entry in opened] == [venue.ws_url + connection.path]
    asked = {entry.url for entry in entries if entry.kind == "http"}
    assert asked <= {venue.rest_url + path for path in venue.rest_asked}
    assert f"{venue.rest_url}/api/v3/time" in asked
    audited = await asyncio.to_thread(run, "audit", str(path), "--json")
    assert audited.returncode == 0
    assert json.loads(audited.stdout)["symbols"]["BTC-USDT@binance"]["trades"] == 50


async def test_it_stops_after_a_time(venue: LocalVenue, tmp_path: Path) -> None:
    words = ["record", str(tmp_path / "x.jsonl.zst"), "--for", "0.5s", "--json"]
    with running(*words, environment=leads_to(venue)) as process:
        code, said, _ = await finished(process)
    assert code == 0
    assert said["files"] == [str(tmp_path / "x.0001.jsonl.zst")]
    assert TapeReader(tmp_path / "x").files == (tmp_path / "x.0001.jsonl.zst",)


async def test_without_a_name_it_goes_into_the_data_folder(venue: LocalVenue, tmp_path: Path) -> None:
    environment = leads_to(venue) | {"BETHNA_DATA_DIR": str(tmp_path)}
    with running("record", "--for", "0.1s", "--json", environment=environment) as process:
        code, said, _ = await finished(process)
    assert code == 0
    (path,) = said["files"]
    assert Path(path).parent == tmp_path / "recordings"
    assert Path(path).name.startswith("live-")


async def test_on_a_full_disk_it_stops_with_a_plain_error(venue: LocalVenue, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.zst"
    words = ["record", str(path), "--single", "--json"]
    with running(*words, environment=leads_to(venue), before=FULL_AT.format(60_000)) as process:
        await trades(venue, 1)

        async def go_on() -> None:
            with suppress(ConnectionClosed):  # the desk has left
                while True:
                    await venue.trade()
                    await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            going_on = group.create_task(go_on())
            code, said, _ = await finished(process)
            going_on.cancel()
    assert code == 3
    assert said["error"]["code"] == "store_unusable"
    assert "recording x stopped" in said["error"]["message"]
    found = recorded_trades(path)
    assert found == list(range(1, len(found) + 1))
    assert len(found) > 0


async def test_up_goes_on_when_its_recording_stops(venue: LocalVenue, tmp_path: Path) -> None:
    words = ["up", "--record", str(tmp_path / "x.jsonl.zst"), "--port", "0", "--json"]
    environment = leads_to(venue) | {"BETHNA_DATA_DIR": str(tmp_path / "data"), "BETHNA_API_RATE_PER_S": "0"}
    with running(*words, environment=environment, before=FULL_AT.format(3_000)) as process:
        async with asyncio.timeout(60):
            url = (await asyncio.to_thread(line_of, process))["url"]
            await trades(venue, 1)
            while "recording_stopped" not in await codes_of_events(url):
                await venue.trade()
            before = venue.trade_id
            await venue.trade()
            while await newest_trade(url) <= before:
                pass  # it asks the desk, over and over
        process.send_signal(signal.SIGINT)
        code, _, errors = await finished(process)
        assert code == 130
        assert "bethna: recorder: recording x stopped" in errors


async def codes_of_events(url: str) -> list[str]:
    return [event["code"] for event in (await get(url, "/api/v1/events"))["events"]]


async def newest_trade(url: str) -> int:
    found = (await get(url, "/api/v1/trades/BTC-USDT?limit=1"))["trades"]
    return int(found[-1]["trade_id"]) if found else 0


async def get(url: str, path: str) -> dict[str, Any]:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


# --- doctor


async def doctor(environment: dict[str, str]) -> tuple[int, dict[str, dict[str, Any]]]:
    done = await asyncio.to_thread(run, "doctor", "--json", environment={"BETHNA_PORT": "0", **environment})
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}


async def test_a_venue_that_answers_is_told_with_its_clock(venue: LocalVenue) -> None:
    code, checks = await doctor(leads_to(venue))
    assert code == 0
    rest, socket = checks["binance binance-1 REST"], checks["binance binance-1 socket"]
    assert (rest["state"], socket["state"]) == ("warning", "ok")
    assert -60 < rest["clock_offset_s"] - 5 < 1  # this machine may be slow, never early
    assert "NTP" in rest["hint"]
    assert (checks["source"]["state"], checks["source"]["found"].partition(",")[0]) == (
        "ok",
        "auto: a live host answers",
    )
    assert checks["python"]["state"] == "ok"


async def test_the_venues_that_are_followed_are_asked_and_no_other(venue: LocalVenue) -> None:
    nobody = "ws://127.0.0.1:9|http://127.0.0.1:9"
    hosts = f"binance={venue.ws_url}|{venue.rest_url};kraken={nobody};coinbase={nobody};deribit={nobody}"
    code, checks = await doctor({"BETHNA_HOSTS": hosts, "BETHNA_SYMBOLS": "BTC-USDT"})
    assert code == 0
    assert {name.partition(" ")[0] for name in checks if name.endswith((" REST", " socket"))} == {"binance"}
    assert checks["other venues"]["state"] == "skipped"
    assert checks["other venues"]["found"].endswith("coinbase, kraken, deribit")
    code, checks = await doctor({"BETHNA_HOSTS": hosts, "BETHNA_SYMBOLS": "BTC-USDT BTC-USD@kraken"})
    assert code == 3
    assert checks["binance binance-1 REST"]["state"] != "unreachable"
    assert checks["kraken kraken-1 REST"]["state"] == "unreachable"
    assert checks["other venues"]["found"].endswith(": coinbase, deribit")


async def test_one_of_two_hosts_is_enough(venue: LocalVenue) -> None:
    hosts = f"binance=ws://127.0.0.1:9|http://127.0.0.1:9,{venue.ws_url}|{venue.rest_url}"
    code, checks = await doctor({"BETHNA_HOSTS": hosts})
    assert code == 0
    assert checks["binance binance-1 REST"]["state"] == "unreachable"
    assert checks["binance binance-2 socket"]["state"] == "ok"


@pytest.mark.parametrize("status", [451, 429, 403])
async def test_a_venue_that_refuses_us_is_unreachable(venue: LocalVenue, status: int) -> None:
    venue.rest["/api/v3/time"] = [(status, {}, b"{}")]
    venue.deny = lambda _number, _path: status
    code, checks = await doctor(leads_to(venue))
    assert code == 3
    assert checks["binance binance-1 REST"]["state"] == "unreachable"
    assert str(status) in checks["binance binance-1 REST"]["found"]
    assert checks["binance binance-1 socket"]["state"] == "unreachable"
    assert checks["binance binance-1 socket"]["hint"]


async def test_what_is_wrong_here_comes_before_what_is_wrong_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    nobody = {"BETHNA_HOSTS": "binance=ws://127.0.0.1:9|http://127.0.0.1:9"}
    code, checks = await doctor(nobody)
    assert (code, checks["source"]["state"]) == (3, "warning")
    assert "simulated" in checks["source"]["found"]
    code, checks = await doctor(nobody | {"BETHNA_SOURCE": "live"})
    assert (code, checks["source"]["found"]) == (3, "live")
    code, checks = await doctor(nobody | {"BETHNA_SOURCE": "twin"})
    assert (code, checks["venues"]["state"], checks["source"]["found"]) == (0, "skipped", "twin")
    code, checks = await doctor(nobody | {"BETHNA_DATA_DIR": str(tmp_path / "file" / "data")})
    assert code == 1
    assert checks["data folder"]["state"] == "failed"
    assert "BETHNA_DATA_DIR" in checks["data folder"]["hint"]
    code, checks = await doctor({"BETHNA_TIMEOUT_S": "never"})
    assert code == 2
    assert checks["settings"]["state"] == "failed"
