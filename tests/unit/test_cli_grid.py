"""Text in columns: nothing is wider than its room, nothing that was said moves a cursor."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bethna.cli.grid import Column, Grid, fit, padded, plain, width

TEXT = st.text(max_size=30)


@given(TEXT)
def test_nothing_that_was_said_reaches_a_terminal_as_a_command(text: str) -> None:
    shown = plain(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in shown)
    assert plain(shown) == shown


def test_escape_sequences_and_turned_text_are_drawn_as_marks() -> None:
    assert plain("\x1b[2Jhello\r\n") == "?[2Jhello??"
    assert plain("abc\u202edef") == "abc?def"
    assert plain("BTC-USDT@venue") == "BTC-USDT@venue"


def test_a_wide_character_takes_two_cells_and_an_accent_none() -> None:
    assert [width(text) for text in ("BTC", "币安", "e\u0301", "")] == [3, 4, 1, 0]


@given(TEXT.map(plain), st.integers(1, 40))
def test_a_text_fits_into_its_room_and_says_when_it_was_cut(text: str, cells: int) -> None:
    found = fit(text, cells)
    assert width(found) <= cells
    assert found == text if width(text) <= cells else found.endswith("~")


@given(TEXT.map(plain), st.sampled_from(["left", "right"]))
def test_padding_fills_the_room(text: str, side: str) -> None:
    found = padded(text, 80, "left" if side == "left" else "right")
    assert width(found) == 80
    assert text in found


COLUMNS = [
    Column("A", 3, "left"),
    Column("B", 5, rank=1),
    Column("C", rank=2),
    Column("D", 2, "left", rank=2),
]
ROW = st.lists(st.text("abc-币", max_size=9), min_size=4, max_size=4)


@given(
    st.lists(
        st.lists(st.text("abc-", min_size=1, max_size=9), min_size=4, max_size=4), min_size=1, max_size=8
    )
)
def test_lines_written_one_by_one_stand_below_each_other_once_they_are_measured(
    rows: list[list[str]],
) -> None:
    grid = Grid(COLUMNS)
    for row in rows:
        grid.measure(row)
    lines = [grid.head(), *(grid.line(row) for row in rows)]
    begin = 0
    for place, least in enumerate((3, 5, 1, 2)):
        end = begin + max(least, *(len(row[place]) for row in rows))
        assert [line[begin:end].strip() for line in lines] == ["ABCD"[place], *(row[place] for row in rows)]
        assert all(not line[end : end + 2].strip() for line in lines)
        begin = end + 2


@given(st.lists(ROW, min_size=1, max_size=8), st.integers(1, 40))
def test_a_line_is_never_wider_than_its_room(rows: list[list[str]], room: int) -> None:
    grid = Grid(COLUMNS)
    for row in rows:
        assert width(grid.line(row, room)) <= room
    assert width(grid.head(room)) <= room


def test_the_column_of_the_highest_rank_goes_first() -> None:
    grid = Grid(COLUMNS)
    row = ["aaa", "bbbbb", "c", "dd"]
    shown = [grid.line(row, room) for room in (20, 15, 12, 8)]
    assert shown == ["aaa  bbbbb  c  dd", "aaa  bbbbb  c", "aaa  bbbbb", "aaa"]
