"""The kept list: whole or not at all, and what cannot be read is neither followed nor lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.errors import StoreError
from bethna.store.watchlist import FILE, WatchlistFile


def test_nothing_was_kept_yet(tmp_path: Path) -> None:
    assert WatchlistFile(tmp_path / "never").read() == ()


def test_what_was_kept_is_read_back(tmp_path: Path) -> None:
    WatchlistFile(tmp_path / "new").write(["BTC-USDT@binance", "ETH-USDT@binance"])
    assert WatchlistFile(tmp_path / "new").read() == ("BTC-USDT@binance", "ETH-USDT@binance")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE], "no draft is left behind"


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"null", b'{"version":2,"symbols":["BTC-USDT"]}', b'{"version":1,"symbols":"BTC"}',
        b'{"version":1}', b"\xff\xfe", b"[" * 100_000, b" " * 300_000,
    ],
    ids=lambda text: repr(text[:20]),
)  # fmt: skip
def test_what_cannot_be_read_is_told_left_alone_and_then_kept_aside(text: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(text)
    file = WatchlistFile(tmp_path)
    with pytest.raises(StoreError, match=f"{FILE}: expected"):
        file.read()
    assert (tmp_path / FILE).read_bytes() == text
    file.write(["SOL-USDT@binance"])
    assert WatchlistFile(tmp_path).read() == ("SOL-USDT@binance",)
    assert (tmp_path / f"{FILE}.old").read_bytes() == text


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_a_plain_error(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / FILE).write_bytes(text)
    try:
        symbols = WatchlistFile(folder).read()
    except StoreError:
        return
    assert list(symbols) == json.loads(text)["symbols"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="could not be kept"):
        WatchlistFile(tmp_path / "file").write(["BTC-USDT@binance"])
