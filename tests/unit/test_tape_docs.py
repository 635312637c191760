"""The lines shown in docs/reference/tape-format.md are lines of a tape, one of each kind, written as we write them."""

from pathlib import Path
from typing import get_args

from bethna.store.tapeline import Kind, decode_line, encode_line, redact_url

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "tape-format.md"


def test_the_shown_lines_are_a_tape() -> None:
    shown = PAGE.read_text().partition("```json\n")[2].partition("```")[0].splitlines()
    entries = [decode_line(line.encode(), number) for number, line in enumerate(shown, 1)]
    assert {entry.kind for entry in entries} == set(get_args(Kind))
    for line, entry in zip(shown, entries, strict=True):
        assert encode_line(entry.ts, entry.conn, entry.kind, entry.url, entry.raw) == line.encode() + b"\n"


def test_the_names_that_are_blacked_out_are_those_on_the_page() -> None:
    names = PAGE.read_text().partition("the values of ")[2].partition(" in URLs")[0].replace("\n", " ")
    listed = [name.strip("` ,") for part in names.split(",") for name in part.split(" and ")]
    assert len(listed) == 9
    for name in listed:
        assert redact_url(f"https://x.example/?a=1&{name}=hunter2") == f"https://x.example/?a=1&{name}=***"
