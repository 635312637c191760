"""Real recordings that somebody has made something else of: the audit says what, and calls nothing of them complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bethna.cli.boundary import main

pytestmark = pytest.mark.needs("shared")

WEAK = {"unverified", "incomplete", "unknown"}


def lines_of(shared_dir: Path, name: str) -> list[str]:
    return (shared_dir / "captures" / "tapes" / f"{name}.jsonl").read_text().splitlines()


class Auditor:
    """`bethna audit` of some lines, as JSON and as text."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = folder / "made.jsonl"
        self.capsys = capsys

    def code(self, lines: list[str], *words: str) -> int:
        self.path.write_text("".join(f"{each}\n" for each in lines))
        return main(["audit", str(self.path), *words])

    def found(self, lines: list[str], *words: str) -> tuple[int, Any]:
        code = self.code(lines, "--json", *words)
        return code, json.loads(self.capsys.readouterr().out)

    def said(self, lines: list[str]) -> tuple[int, list[str]]:
        code = self.code(lines)
        return code, self.capsys.readouterr().out.splitlines()


@pytest.fixture
def audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Auditor:
    return Auditor(tmp_path, capsys)


def states(found: Any) -> set[str]:
    rows = list(found["symbols"].values())
    candles = [each for row in rows for each in row.get("candles", ())]
    return {each["coverage"]["state"] for each in (*rows, *candles)}


@pytest.mark.parametrize("name", ["binance", "deribit"])
def test_a_tape_as_it_was_recorded_has_no_fault(name: str, shared_dir: Path, audit: Auditor) -> None:
    code, found = audit.found(lines_of(shared_dir, name))
    assert (code, found["faults"], found["damage"], states(found)) == (0, [], None, {"complete"})
    assert {row["book"] for row in found["symbols"].values()} == {"stands"}


def test_a_book_without_a_snapshot_never_stood(shared_dir: Path, audit: Auditor) -> None:
    lines = [each for each in lines_of(shared_dir, "binance") if '"kind":"http"' not in each]
    code, found = audit.found(lines)
    assert (code, found["faults"]) == (1, [])
    rows = found["symbols"].values()
    assert sorted(each["unapplied"] for each in rows) == [10, 150]
    for each in rows:
        assert (each["book"], each["book_updates"], each["coverage"]["state"]) == ("never", 0, "incomplete")
    code, said = audit.said(lines)
    assert code == 1
    assert "  no book: it never stood, for no snapshot came that its updates join" in said
    assert "  book updates 0, unapplied 150, gaps 0, resyncs 0" in said


@pytest.mark.parametrize("name", ["coinbase_exchange", "kraken_v1"])
def test_a_pushed_book_without_its_first_message_never_stood(
    name: str, shared_dir: Path, audit: Auditor
) -> None:
    lines = lines_of(shared_dir, name)[:2000]
    began = [each for each in lines if r"\"snapshot\"" in each or r"\"as\"" in each]
    code, found = audit.found([each for each in lines if each not in began])
    assert began
    assert code == 1
    rows = [each for each in found["symbols"].values() if each["unapplied"]]
    assert len(rows) >= 4
    assert all(each["book"] == "never" and each["coverage"]["state"] == "incomplete" for each in rows)
    assert all(each["book_updates"] == 0 and each["best_bid"] is None for each in rows)
    assert sum(each["unapplied"] for each in rows) > 100


def test_a_tape_of_trades_alone_says_that_no_book_is_on_it(shared_dir: Path, audit: Auditor) -> None:
    lines = [
        each for each in lines_of(shared_dir, "binance")
        if "depthUpdate" not in each and '"kind":"http"' not in each
    ]  # fmt: skip
    code, said = audit.said(lines)
    assert code == 0
    assert "  no book: nothing of one is on the tape" in said


def test_a_book_with_one_side_is_shown(shared_dir: Path, audit: Auditor) -> None:
    _, said = audit.said(lines_of(shared_dir, "deribit"))
    at = said.index("ETH-23JUL21-2300-C@deribit: coverage complete")
    assert said[at + 3] == "  no bid, best ask 0.001"


def test_a_tape_upside_down_is_told(shared_dir: Path, audit: Auditor) -> None:
    code, found = audit.found(lines_of(shared_dir, "deribit")[::-1], "--candles", "1s")
    fault = next(each for each in found["faults"] if each["code"] == "backwards")
    assert (code, fault["line"], fault["grave"]) == (4, 2, True)
    assert fault["message"].endswith("41 times in all: the lines stand in reverse")
    assert states(found) <= WEAK


def test_a_tape_twice_in_one_file_is_told(shared_dir: Path, audit: Auditor) -> None:
    lines = lines_of(shared_dir, "binance")
    code, found = audit.found(lines * 2, "--candles", "1s")
    assert code == 4
    assert [(each["code"], each["line"]) for each in found["faults"]] == [
        ("backwards", 241), ("again", 241), ("reopened", 241),
    ]  # fmt: skip
    assert states(found) <= WEAK
    _, said = audit.said(lines * 2)
    assert "not one recording: the recording begins again from its first line at line 241" in said


def test_each_line_twice_is_told(shared_dir: Path, audit: Auditor) -> None:
    lines = lines_of(shared_dir, "deribit")
    code, found = audit.found([each for each in lines for _ in range(2)])
    assert code == 4
    doubled = next(each for each in found["faults"] if each["code"] == "doubled")
    assert (doubled["line"], doubled["times"]) == (2, len(lines))
    assert states(found) <= WEAK


def test_two_recordings_one_after_the_other_are_told(shared_dir: Path, audit: Auditor) -> None:
    first, second = lines_of(shared_dir, "coinbase_exchange")[:500], lines_of(shared_dir, "kraken_v1")[:500]
    code, found = audit.found(first + second)
    assert (code, found["venue"], found["clock_offset_s"]) == (4, "coinbase, kraken", None)
    (fault,) = found["faults"]
    assert (
        fault["message"] == "another recording begins in the same file at line 501: socket 0 is opened anew"
    )
    assert states(found) <= WEAK
    assert all(each["coverage"]["state"] == "incomplete" for each in found["symbols"].values())


def test_two_runs_of_one_venue_with_a_pause_between_are_told(shared_dir: Path, audit: Auditor) -> None:
    lines = lines_of(shared_dir, "deribit")
    hour = 3_600_000_000_000
    later = [json.dumps({**each, "ts": each["ts"] + hour}) for each in map(json.loads, lines)]
    code, found = audit.found(lines + later)
    assert (code, [each["code"] for each in found["faults"]]) == (4, ["reopened"])
    assert states(found) == {"incomplete"}


@pytest.mark.parametrize(
    ("of", "into", "said"),
    [
        ("kraken_v1", "deribit", "frames of kraken_v1 inside a tape of deribit"),
        ("deribit", "binance", "frames of deribit inside a tape of binance"),
        ("binance", "coinbase_exchange", "frames of binance inside a tape of coinbase"),
    ],
)
def test_frames_of_another_venue_are_told(
    of: str, into: str, said: str, shared_dir: Path, audit: Auditor
) -> None:
    lines = [json.loads(each) for each in lines_of(shared_dir, into)[:300]]
    strange = [json.loads(each) for each in lines_of(shared_dir, of)[:30]]
    at = len(lines) // 2
    where = {"ts": lines[at]["ts"], "conn": lines[at - 1]["conn"]}
    mixed = [
        *lines[:at], *({**each, **where} for each in strange if each["kind"] == "rx"), *lines[at:],
    ]  # fmt: skip
    code, found = audit.found([json.dumps(each) for each in mixed])
    fault = next(each for each in found["faults"] if each["code"] == "stranger")
    assert code == 4
    assert fault["message"].startswith(f"{said} at line ")
    assert at < fault["line"] <= at + 30
    assert states(found) <= {"incomplete", "unknown"}


def test_a_clock_that_was_set_back_a_little_takes_nothing_away(shared_dir: Path, audit: Auditor) -> None:
    lines = [json.loads(each) for each in lines_of(shared_dir, "binance")]
    for each in lines[120:]:
        each["ts"] -= 400_000_000
    code, found = audit.found([json.dumps(each) for each in lines])
    (fault,) = found["faults"]
    assert (code, fault["code"], fault["line"], fault["grave"]) == (0, "backwards", 121, False)
    assert states(found) == {"complete"}
    _, said = audit.said([json.dumps(each) for each in lines])
    assert any(each.startswith("note: receive times run backwards at line 121 (") for each in said)
