"""`bethna indices` and `bethna valuations` as programs, over a desk behind an address and over one of their own."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from _doors import opened
from _memorydesk import BTC, START, MemoryDesk
from scenario.cli_runs import PATIENCE_S, run
from scenario.test_cli_best import begun, ended, posix

from bethna.core.market import Greeks, IndexPrice, InstrumentId, Valuation

INDEX, DVOL = InstrumentId("BTC-USD-INDEX@deribit"), InstrumentId("BTC-DVOL@deribit")
OPTION, PERPETUAL = InstrumentId("BTC-25DEC26-76000-C@deribit"), InstrumentId("BTC-PERPETUAL@deribit")


def desk_of_figures() -> MemoryDesk:
    desk = MemoryDesk((BTC, INDEX, DVOL, OPTION, PERPETUAL))
    desk.say_figure(IndexPrice(INDEX, 83_250.5, START, START))
    desk.say_figure(IndexPrice(DVOL, 38.41, START, START))
    desk.say_figure(
        Valuation(PERPETUAL, 83_260.0, 83_250.5, START, START, open_interest=1.5e9, funding_8h=1.25e-4)
    )
    desk.say_figure(
        Valuation(
            OPTION, 0.1296, 83_250.5, START, START, mark_iv=0.3825, open_interest=480.5,
            greeks=Greeks(0.74092, 2.0e-5, 132.3649, -29.43212, 121.3),
        )
    )  # fmt: skip
    return desk


async def test_they_are_what_the_desk_answers(tmp_path: Path) -> None:
    async with opened(desk_of_figures()) as served:
        for kind in ("indices", "valuations"):
            out, errors = await ended(await begun(tmp_path, kind, "--url", served.url, "--json"))
            answer = (await served.http.get(f"/api/v1/{kind}")).json()
            assert json.loads(out) == {"type": kind, **answer}
            assert errors.startswith(f"attached to {served.url} (")
        table, _ = await ended(await begun(tmp_path, "indices", "--url", served.url))
        greeks, _ = await ended(await begun(tmp_path, "valuations", "--url", served.url))
        one, _ = await ended(await begun(tmp_path, "indices", DVOL, "--url", served.url))
    assert [line.split()[2:5] for line in table.splitlines()[1:]] == [
        [INDEX, "83250.5", "USD"],
        [DVOL, "38.41", "%"],
    ]
    assert all(line.endswith("unverified") for line in table.splitlines()[1:])
    option, perpetual = (line.split() for line in greeks.splitlines()[1:])
    assert option[2:4] == [OPTION, "0.1296"]
    assert {"0.7409", "2e-05", "132.36", "-29.43", "38.25", "480.5"} <= set(option)
    assert {"83260", "0.0125", "1,500,000,000"} <= set(perpetual)
    assert [line.split()[2] for line in one.splitlines()[1:]] == [DVOL]


@posix
async def test_they_go_on_until_ctrl_c(tmp_path: Path) -> None:
    desk = desk_of_figures()
    async with opened(desk) as served:
        process = await begun(tmp_path, "indices", "--follow", "--json", "--url", served.url)
        assert process.stdout is not None
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE_S):
            found += [json.loads(await process.stdout.readline()) for _ in range(2)]
            for value in (38.5, 38.6):
                desk.say_figure(IndexPrice(DVOL, value, START, START))
                found.append(json.loads(await process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        _, errors = await ended(process)
    assert [(each["type"], each["instrument"], each["value"]) for each in found] == [
        ("index", INDEX, 83_250.5), ("index", DVOL, 38.41), ("index", DVOL, 38.5), ("index", DVOL, 38.6),
    ]  # fmt: skip
    assert process.returncode == 130
    assert "Traceback" not in errors


@posix
async def test_who_closes_the_pipe_ends_them_without_a_word(tmp_path: Path) -> None:
    desk = desk_of_figures()
    async with opened(desk) as served:
        process = await begun(tmp_path, "indices", "--follow", "--json", "--url", served.url)
        assert process.stdout is not None
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            await process.stdout.readline()
            process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]  # there is no other way
            over, value = asyncio.ensure_future(process.wait()), 38.5
            while not over.done():
                value += 0.01
                desk.say_figure(IndexPrice(DVOL, round(value, 2), START, START))
                await asyncio.wait([over], timeout=0.05)
            errors = (await process.stderr.read()).decode()
    assert process.returncode == 0
    assert errors.splitlines()[1:] == []  # the first says to which desk it was attached


def test_a_token_that_cannot_be_one_is_named() -> None:
    for token in ("\u00fc", "a\nb"):
        told = run("status", "--url", "http://127.0.0.1:9", "--token", token, "--json")
        assert told.returncode == 2, told.stderr
        assert b"token" in told.stdout + told.stderr
        assert b"proxy" not in told.stdout + told.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("indices", BTC), 2, "expected an index, found BTC-USDT@binance"),
        (("valuations", INDEX), 2, "expected a contract"),
        (("book", INDEX), 3, "nobody trades it"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    async with opened(desk_of_figures()) as served:
        process = await begun(tmp_path, *words, "--url", served.url)
        _, errors = await ended(process)
    assert (process.returncode, "Traceback" in errors) == (code, False), errors
    assert said in errors


async def test_what_has_no_figure_in_time_is_named(tmp_path: Path) -> None:
    desk = MemoryDesk((BTC, INDEX))
    async with opened(desk) as served:
        process = await begun(tmp_path, "indices", "--timeout", "0.5s", "--url", served.url)
        _, errors = await ended(process)
        nothing = await begun(tmp_path, "valuations", "--url", served.url)
        _, none = await ended(nothing)
    assert process.returncode == 3
    assert "BTC-USD-INDEX@deribit index" in errors
    assert "found that it follows none" in none


def test_a_desk_of_its_own_on_a_simulated_market(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path)}
    done = run("valuations", PERPETUAL, "--seed", "7", "--json", environment=around)
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)["valuations"]
    assert abs(found["mark_price"] / found["index_price"] - 1) < 0.01
    assert (found["coverage"]["provenance"], found["quantity_unit"]) == ("synthetic", "USD")
    assert b"SIMULATED, seed 7" in done.stderr
