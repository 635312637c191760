"""The desks of this machine, by their notes: which are found, in which order, and who may know a token."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bethna.client.discover import RunningDesk, find_answering, find_running, looks_like_health
from bethna.config import Secret, Settings
from bethna.core.errors import ConfigError
from bethna.store.folder import RUNNING_FILE, DataFolder, running, running_desks

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes say nothing there")


def test_live_comes_before_simulated_before_a_recording(tmp_path: Path) -> None:
    tape = tmp_path / "some.jsonl"
    tape.write_text("{}\n")
    root = tmp_path / "data"
    sources = (f"tape:{tape}", "twin:2", "twin:1", "live")
    folders = [DataFolder(root, source, 1_000_000 * number) for number, source in enumerate(sources)]
    for number, folder in enumerate(folders):
        folder.open()
        folder.announce(f"http://127.0.0.1:{number + 1}")
    settings = Settings(data_dir=str(root))
    try:
        assert [desk.source for desk in find_running(settings)] == [
            "live",
            "twin:1",
            "twin:2",
            f"tape:{tape}",
        ]
    finally:
        for folder in folders:
            folder.close()
    assert find_running(settings) == []


def test_a_desk_that_does_not_listen_yet_is_not_found(tmp_path: Path) -> None:
    with DataFolder(tmp_path, "live", 0):
        assert find_running(Settings(data_dir=str(tmp_path))) == []


@posix
def test_a_token_is_noted_where_nobody_else_can_read_it(tmp_path: Path) -> None:
    with DataFolder(tmp_path, "live", 0) as folder:
        folder.announce("http://127.0.0.1:1", "a-secret-token-1")
        note = folder.path / RUNNING_FILE
        assert note.stat().st_mode & 0o777 == 0o600
        [desk] = running_desks(tmp_path)
        assert desk.token == "a-secret-token-1"
        assert "a-secret-token-1" not in repr(desk)
        assert b"a-secret-token-1" not in (folder.path / "writer.lock").read_bytes()
        note.chmod(0o644)  # somebody could have read it, or put it there
        assert running(folder.path) is not None
        assert running_desks(tmp_path)[0].token is None
        folder.path.chmod(0o755)
        folder.announce("http://127.0.0.1:1", "a-secret-token-1")
        assert b"a-secret-token-1" not in note.read_bytes()
        assert running_desks(tmp_path)[0].url == "http://127.0.0.1:1"


@posix
def test_a_desks_own_token_comes_before_that_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), token=Secret("of-the-settings"))
    with DataFolder(tmp_path, "live", 0) as live, DataFolder(tmp_path, "twin:1", 0) as twin:
        live.announce("http://127.0.0.1:1", "of-its-own-note")
        twin.announce("http://127.0.0.1:2")
        assert [desk.token for desk in find_running(settings)] == ["of-its-own-note", "of-the-settings"]
        assert "of-" not in repr(find_running(settings))


def test_without_settings_the_variables_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETHNA_DATA_DIR", str(tmp_path))
    with DataFolder(tmp_path, "live", 0) as folder:
        folder.announce("http://127.0.0.1:1")
        assert find_running() == [RunningDesk("http://127.0.0.1:1", "live", folder._holder.pid)]
        monkeypatch.setenv("BETHNA_PORT", "x")
        with pytest.raises(ConfigError):
            find_running()


async def test_what_does_not_answer_is_left_out(tmp_path: Path) -> None:
    with DataFolder(tmp_path, "live", 0) as folder:
        folder.announce("http://127.0.0.1:1")
        assert len(find_running(Settings(data_dir=str(tmp_path)))) == 1
        assert await find_answering(Settings(data_dir=str(tmp_path))) == []


def test_what_a_desk_says_of_its_health_is_known_by_its_shape() -> None:
    assert looks_like_health(b'{"status": "ok", "source": "live", "version": "9", "venues": {}, "more": 1}')
    for body in (b"", b"[]", b'"ok"', b'{"status": "ok"}', b"<html>", b"[" * 100_000):
        assert not looks_like_health(body)
