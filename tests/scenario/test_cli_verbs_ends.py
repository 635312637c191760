"""What a verb does when its source ends: a recording that is over, a desk that goes away and comes back, a token."""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

import pytest
from scenario.cli_runs import end, error_of, line_of, run, running

from bethna.store.tapes import TapeWriter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
BEGIN_US = 1_672_515_782_000_000
URL = "wss://stream.binance.com:9443/stream?streams=bnbbtc@trade"


def trade(number: int) -> bytes:
    """A trade a tenth of a second after the one before."""
    at = BEGIN_US // 1000 + 100 * number
    return b'{"e":"trade","E":%d,"s":"BNBBTC","t":%d,"p":"0.0%d","q":"1.5","T":%d,"m":true,"M":true}' % (
        at, 100 + number, 300 + number, at,
    )  # fmt: skip


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """A second of a market."""
    path = tmp_path / "small.jsonl.zst"
    with TapeWriter(path) as writer:
        writer.opened(0, URL, BEGIN_US * 1000)
        for number in range(10):
            writer.received(0, trade(number), (BEGIN_US + 100_000 * (number + 1)) * 1000)
    return path


def test_a_recording_is_told_to_its_end(tape: Path, tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path / "data")}
    done = run("trades", "BNB-BTC", "--follow", "--json", "--source", f"tape:{tape}", environment=around)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["trade_id"] for line in told if line["type"] == "trade"] == [
        str(100 + each) for each in range(10)
    ]
    assert {line["type"] for line in told} <= {"trade", "status"}
    assert done.stderr.decode() == f"starting a desk for this command (tape:{tape})\n"


def test_what_is_not_on_a_recording_is_missing(tape: Path, tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path / "data")}
    told = run(
        "price", "ETH-BTC", "--json", "--timeout", "5s", "--source", f"tape:{tape}", environment=around
    )
    assert (told.returncode, error_of(told)["code"]) == (3, "no_data_yet")
    told = run("price", "ETH-BTC", "--json", "--source", "tape:nothing", environment=around)
    assert (told.returncode, error_of(told)["code"]) == (2, "damaged_tape")


def test_a_recording_that_a_desk_plays_is_no_market_and_takes_no_wishes(tape: Path, tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path / "data"), "BETHNA_LOG_LEVEL": "error"}
    words = ("up", "--source", f"tape:{tape}", "--loop", "--port", "0", "--json")
    with running(*words, environment=around) as process:
        url = line_of(process)["url"]
        done = run("price", "BNB-BTC", "--json", environment=around)
        assert done.returncode == 0, done.stderr
        assert done.stderr.decode() == f"attached to {url} (a recording)\n"
        price = json.loads(done.stdout)
        assert (price["coverage"]["provenance"], price["age_ms"] < 60_000) == ("live", True)
        told = run("price", "ETH-BTC", "--json", environment=around)
        assert (told.returncode, error_of(told)["code"]) == (2, "cannot_follow")
        live = run("status", "--json", environment=around)
        assert json.loads(live.stdout)["source"] == "tape"
        assert end(process, signal.SIGTERM)[0] == 0


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def test_a_desk_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path / "data"), "BETHNA_LOG_LEVEL": "error"}
    port = free_port()
    up = ("up", "--source", "twin", "--seed", "7", "--symbol", "BTC-USDT", "--port", port, "--json")
    with running(*up, environment=around) as desk:
        line_of(desk)
        with running("trades", "BTC-USDT", "--follow", "--json", environment=around) as process:
            while line_of(process)["type"] != "trade":
                pass
            assert end(desk, signal.SIGTERM)[0] == 0
            line = line_of(process)
            while line["type"] != "status":
                line = line_of(process)
            assert (line["stream"], line["connected"]) == ("waiting", False)
            with running(*up, environment=around) as another:
                line_of(another)
                line = line_of(process)
                while line["type"] != "trade":
                    line = line_of(process)
                code, errors = end(process, signal.SIGINT)
                assert code == 130
                assert "Traceback" not in errors
                assert end(another, signal.SIGTERM)[0] == 0


def test_ctrl_c_ends_it_while_its_desk_is_away(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path / "data"), "BETHNA_LOG_LEVEL": "error"}
    with running(
        "up", "--source", "twin", "--symbol", "BTC-USDT", "--port", "0", "--json", environment=around
    ) as desk:
        line_of(desk)
        with running("price", "BTC-USDT", "--follow", "--json", environment=around) as process:
            line_of(process)
            desk.kill()
            while line_of(process)["type"] != "status":
                pass
            code, errors = end(process, signal.SIGINT)
        assert code == 130
        assert "Traceback" not in errors


def test_a_desk_with_a_token_is_attached_to_by_who_may_read_it(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path / "data"), "BETHNA_LOG_LEVEL": "error"}
    up = ("up", "--source", "twin", "--symbol", "BTC-USDT", "--port", "0", "--json")
    with running(*up, environment={**around, "BETHNA_TOKEN": "a-token-of-some-length-123456"}) as desk:
        url = line_of(desk)["url"]
        noted = run("price", "BTC-USDT", "--json", environment=around)
        assert noted.returncode == 0, noted.stderr
        assert "a-token" not in noted.stderr.decode() + noted.stdout.decode()
        elsewhere = {"BETHNA_DATA_DIR": str(tmp_path / "other")}
        for verb in (["price", "BTC-USDT"], ["status"]):
            told = run(*verb, "--url", url, "--json", environment=elsewhere)
            assert (told.returncode, error_of(told)["code"]) == (2, "token_required")
            told = run(*verb, "--url", url, "--token", "wrong", "--json", environment=elsewhere)
            assert (told.returncode, error_of(told)["code"]) == (2, "token_wrong")
            given = run(
                *verb,
                "--url",
                url,
                "--token",
                "a-token-of-some-length-123456",
                "--json",
                environment=elsewhere,
            )
            assert given.returncode == 0, given.stderr
        asked = {"COMP_WORDS": "bethna price ", "COMP_CWORD": "2", "_BETHNA_COMPLETE": "bash_complete"}
        assert run(environment={**around, **asked}).stdout.decode().split() == ["plain,BTC-USDT"]
        assert end(desk, signal.SIGTERM)[0] == 0
