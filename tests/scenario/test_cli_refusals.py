"""`bethna up` with symbols that bring nothing says so at once, and goes on with the others."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click
import pytest
from scenario.cli_runs import end, line_of, run, running
from scenario.test_sources import UP, Client

from bethna.cli.up import Refusals
from bethna.core.status import SystemEvent
from bethna.venues.registry import readable_names

TOLD = SystemEvent(1, "error", "symbol_refused", "FOO-USD@kraken", "Kraken refused FOO-USD: unknown symbol.")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
def test_unknown_symbols_are_said_on_stderr_and_the_others_are_followed(tmp_path: Path) -> None:
    names = ("BTC-USDT", "not a name", "FOO-USDT", "BTC-PERP@deribit", "ETH-USD@")
    symbols = [word for name in names for word in ("--symbol", name)]
    with running(
        *UP, "--source", "twin", *symbols, environment={"BETHNA_DATA_DIR": str(tmp_path)}
    ) as process:
        desk = Client(line_of(process)["url"])
        desk.until(
            "/api/v1/health",
            lambda found: [card["status"] for card in found["instruments"].values()].count("refused") == 2,
        )
        code, errors = end(process, signal.SIGTERM)
    said = [line for line in errors.splitlines() if line.startswith("bethna: ")]
    assert code == 0
    assert len(said) == 4
    assert said[0].startswith("bethna: not a name: 'not a name' is not an instrument: write it as BTC-USDT")
    assert said[1].startswith("bethna: ETH-USD@: expected a venue behind the @ of 'ETH-USD@', found nothing")
    assert {line.partition(" Nearest: ")[0] for line in said[2:]} == {
        "bethna: FOO-USDT@binance: Binance refused FOOUSDT: unknown symbol.",
        "bethna: BTC-PERP@deribit: Deribit refused BTC-PERP: unknown symbol.",
    }
    (deribit,) = [line for line in said if "deribit" in line]
    assert "BTC-PERPETUAL" in deribit.partition(" Nearest: ")[2]


def test_a_refusal_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = Refusals()
    for event in (TOLD, TOLD, SystemEvent(2, "info", "connection_restored", "kraken", "data flows again")):
        told(event)
    assert capsys.readouterr().err.splitlines() == [f"bethna: {TOLD.subject}: {TOLD.message}"]


@pytest.mark.parametrize("code", ["recording_stopped", "place_refused", "access_refused", "venue_banned"])
def test_what_ends_or_shuts_a_desk_out_is_said_where_it_was_begun(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Refusals()(SystemEvent(1, "error", code, "kraken", "kraken refused access (HTTP 403)"))
    assert capsys.readouterr().err == "bethna: kraken: kraken refused access (HTTP 403)\n"


def test_nobody_who_listens_any_more_ends_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(click, "echo", gone)
    Refusals()(TOLD)


def test_the_help_of_decode_names_every_venue_and_wire() -> None:
    said = run("decode", "--help").stdout.decode()
    assert [name for name in readable_names() if name not in said] == []
