"""`bethna alerts` as a program: over a desk behind an address, where none runs, and with a market of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _doors import opened
from _memorydesk import BTC, ETH, MemoryDesk
from _toldalerts import with_alerts
from msgspec.structs import replace
from scenario.cli_runs import PATIENCE_S, PROGRAM, end, error_of, line_of, run, running

from bethna.core.clock import NS_PER_S

EVERY = "BTC-USDT crosses above 65,000, every time"
HOUR = 3600 * NS_PER_S
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")


@dataclass
class Program:
    """The command line before one desk."""

    folder: Path
    url: str

    async def begin(self, *words: str, stdin: int = asyncio.subprocess.DEVNULL) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *PROGRAM, "alerts", *words, "--url", self.url,
            env={**os.environ, "BETHNA_DATA_DIR": str(self.folder)},
            stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def say(self, *words: str, given: bytes | None = None) -> tuple[int, str, str]:
        """Code, output and errors, without the line that says to which desk it is attached."""
        stdin = asyncio.subprocess.DEVNULL if given is None else asyncio.subprocess.PIPE
        process = await self.begin(*words, stdin=stdin)
        async with asyncio.timeout(PATIENCE_S):
            out, errors = await process.communicate(given)
        assert process.returncode is not None
        assert b"Traceback" not in errors, errors.decode()
        said = [line for line in errors.decode().splitlines() if not line.startswith("attached to ")]
        return process.returncode, out.decode(), "\n".join(said)


@pytest.mark.timeout(300)
async def test_a_rule_from_its_arming_to_its_removal(tmp_path: Path) -> None:
    desk, kept = with_alerts(BTC, ETH)
    async with opened(desk) as served:
        program = Program(tmp_path, served.url)
        code, out, _ = await program.say(
            "add", EVERY, "--via", "telegram", "--file", "-", given=b"# two\n\nETH-USDT is above 9000\n"
        )
        assert (code, [line.split("  ")[0] for line in out.splitlines()]) == (0, ["NAME", "a1", "a2"])
        assert [view.rule.channels for view in kept.rules()] == [("telegram",), ("telegram",)]
        desk.trade(BTC, 65_001.0)
        kept.fire("a1")
        rows = (await served.http.get("/api/v1/alerts")).json()["alerts"]
        assert json.loads((await program.say("list", "--json"))[1]) == {"type": "alerts", "alerts": rows}
        assert json.loads((await program.say("show", "a2", "--json"))[1]) == {"type": "alert", **rows[1]}
        code, out, _ = await program.say("edit", "a2", "ETH-USDT", "is", "above", "9100", "--version", "1")
        assert (code, out) == (0, "a2  armed, nothing seen yet  ETH-USDT@binance is above 9,100, once\n")
        code, _, errors = await program.say("edit", "a2", "ETH-USDT is above 9200", "--version", "1")
        assert (code, "expected version 1, found 2" in errors) == (2, True)
        code, out, _ = await program.say("pause", "a1", "a2")
        assert [line.split("  ")[1] for line in out.splitlines()] == ["paused", "paused"]
        assert (await program.say("resume", "a1"))[0] == 0
        code, out, _ = await program.say("why", "a1", "--zone", "+02:00", "--at", "2024-08-09T01:54:00")
        assert out.splitlines()[0] == "a1  fired"
        assert "asked about 2024-08-09 01:54:00.000 +02:00" in out
        why = (await served.http.get("/api/v1/alerts/a1/why")).json()
        assert json.loads((await program.say("why", "a1", "--json"))[1]) == {"type": "why", **why}
        assert (await program.say("read", "a1.1"))[1] == "read  a1.1\n"
        assert (await program.say("clear"))[1] == "cleared  all of the centre\n"
        code, out, _ = await program.say("history", "--json")
        assert [each["read"] for each in json.loads(out)["alerts"]] == [True]
        assert (await program.say("remove", "--all"))[0] == 0
        assert kept.rules() == []


@posix
async def test_followed_it_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    desk, kept = with_alerts(BTC, ETH)
    await kept.add([kept.read_sentence(EVERY)])
    kept.fire("a1")
    async with opened(desk) as served:
        process = await Program(tmp_path, served.url).begin("history", "--follow", "--json")
        assert process.stdout is not None
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(3):
                found.append(json.loads(await process.stdout.readline()))
                desk.clock.advance(HOUR)
                kept.fire("a1")
            process.send_signal(signal.SIGINT)
            _, errors = await process.communicate()
    assert [(each["type"], each["firing"]) for each in found] == [("notification", n) for n in (1, 2, 3)]
    assert process.returncode == 130
    assert b"Traceback" not in errors


async def test_channels_and_a_rehearsal(tmp_path: Path) -> None:
    desk, kept = with_alerts(BTC, ETH)
    async with opened(desk) as served:
        program = Program(tmp_path, served.url)
        answer = (await served.http.get("/api/v1/channels")).json()
        assert json.loads((await program.say("channels", "--json"))[1]) == {"type": "channels", **answer}
        assert (await program.say("test-channel", "mail"))[:2] == (0, "mail  sent: 200 OK\n")
        kept.receipt = replace(kept.receipt, ok=False, said="401")
        assert (await program.say("test-channel", "mail"))[:2] == (1, "mail  failed: 401\n")
        code, _, errors = await program.say("test-channel", "fax")
        assert (code, "found 'fax'" in errors) == (2, True)
        code, out, _ = await program.say("rehearse", *EVERY.split(), "--last", "2h", "--per-day", "5")
        assert (code, kept.asked["per_day"]) == (0, 5.0)
        assert "fired 3 times in 3 clusters, 72 a day" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "BTC-USDT crosses above 65,000 soon"), 2, "found 'soon'"),
        (("add", EVERY, "SOL-USDT is above 1"), 2, "SOL-USDT"),
        (("add", *[EVERY] * 6), 2, "expected at most 5 armed rules"),
        (("show", "a9"), 2, "found 'a9'"),
        (("clear", "a9.1"), 2, "found 'a9.1'"),
        (("rehearse", "BTC-USDT"), 2, "expected a condition"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    desk, kept = with_alerts(BTC, ETH)
    async with opened(desk) as served:
        found, _, errors = await Program(tmp_path, served.url).say(*words)
    assert (found, said in errors) == (code, True), errors
    assert kept.rules() == []


async def test_a_desk_without_alerts_says_so(tmp_path: Path) -> None:
    async with opened(MemoryDesk()) as served:
        for words in (("list",), ("history", "--follow")):
            code, _, errors = await Program(tmp_path, served.url).say(*words)
            assert (code, "this desk keeps no alerts" in errors) == (2, True)


@pytest.mark.parametrize("words", [("list",), ("add", EVERY), ("why", "a1")])
def test_where_no_desk_runs_nothing_is_started(words: tuple[str, ...], tmp_path: Path) -> None:
    around: Mapping[str, str] = {"BETHNA_DATA_DIR": str(tmp_path)}
    done = run("alerts", *words, environment=around)
    assert done.returncode == 3
    assert (
        b"no desk runs here, and a rule needs a desk that stays\n  start one with `bethna up`" in done.stderr
    )
    told = error_of(run("alerts", *words, "--json", environment=around))
    assert (told["code"], told["hint"]) == (
        "desk_unreachable",
        "start one with `bethna up`, then say it again",
    )


def test_a_rehearsal_on_a_simulated_market_of_its_own(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path)}
    words = ("alerts", "rehearse", "BTC-USDT crosses 61,000, every time", "--last", "5m", "--seed", "7")
    done = run(*words, "--json", environment=around)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["type"], found["over"], found["judged"] > 0) == ("rehearsal", "trades", True)
    assert b"SIMULATED, seed 7" in done.stderr
    assert not list(tmp_path.rglob("alerts.sqlite"))


@posix
def test_a_rule_of_one_command_fires_in_a_real_desk_and_another_asks_why(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path), "BETHNA_LOG_LEVEL": "error"}
    words = ("up", "--source", "twin", "--seed", "7", "--port", "0", "--json", "--symbol", "BTC-USDT")
    with running(*words, environment=around) as process:
        line_of(process)
        assert run("price", "BTC-USDT", environment=around).returncode == 0
        with running("alerts", "history", "--follow", "--json", environment=around) as following:
            said = "BTC-USDT is above 1, also if already, note from a test"
            armed = run("alerts", "add", said, "--json", environment=around)
            assert armed.returncode == 0, armed.stderr
            [rule] = json.loads(armed.stdout)["alerts"]
            heard = line_of(following)
            assert end(following, signal.SIGINT)[0] == 130
        assert (heard["type"], heard["alert"], heard["firing"]) == ("notification", rule["name"], 1)
        assert heard["note"] == "from a test"
        why = json.loads(run("alerts", "why", rule["name"], "--json", environment=around).stdout)
        assert [each["key"] for each in why["alerts"]] == [heard["key"]]
        assert why["reason"].startswith("It fired at ")
        assert why["trades"]
        asked = {"COMP_WORDS": "bethna alerts why ", "COMP_CWORD": "3", "_BETHNA_COMPLETE": "bash_complete"}
        done = run(environment={**around, **asked})
        assert (done.returncode, done.stdout.decode()) == (0, f"plain,{rule['name']}\n")
        assert end(process, signal.SIGTERM)[0] == 0
    nobody = run(environment={**around, **asked})
    assert (nobody.returncode, nobody.stdout.strip()) == (0, b"")
