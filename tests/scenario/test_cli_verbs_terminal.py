"""`bethna watch` on a real terminal: it draws, follows the size, takes keys, and leaves everything as it was."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scenario.cli_runs import PATIENCE_S, PROGRAM, end, line_of, running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX systems")
ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"
COLOUR = re.compile(rb"\x1b\[[1-9][0-9]*m")


class Terminal:
    """A terminal with a program in it, as its user sees it."""

    def __init__(self, ours: int, theirs: int, process: subprocess.Popen[bytes]) -> None:
        self._ours = ours
        self._theirs = theirs
        self.process = process
        self.before = termios.tcgetattr(theirs)
        self.shown = b""

    def until(self, wanted: bytes) -> bytes:
        """Read on until something new is shown; what was shown up to it."""
        found = b""
        while wanted not in found:
            ready, _, _ = select.select([self._ours], [], [], PATIENCE_S)
            assert ready, f"expected {wanted!r}, found {found[-2000:]!r}"
            try:
                part = os.read(self._ours, 65536)
            except OSError:  # nobody has the other end any more
                part = b""
            assert part, f"expected {wanted!r}, found the end: {found[-2000:]!r}"
            found += part
            self.shown += part
        return found

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def frame(self) -> list[bytes]:
        """The lines of the next frame that was drawn whole."""
        self.until(b"\x1b[H")
        drawn = self.shown.rpartition(b"\x1b[H")[2]
        while b"\x1b[J" not in drawn:
            self.until(b"\x1b[J")
            drawn = self.shown.rpartition(b"\x1b[H")[2]
        return drawn.partition(b"\x1b[J")[0].replace(b"\x1b[K", b"").replace(b"\r", b"").split(b"\n")

    def ended(self) -> int:
        """Its exit code; the terminal is as it was before."""
        self.until(LEFT)
        code = self.process.wait(PATIENCE_S)
        assert self.shown.count(ENTERED) == self.shown.count(LEFT)
        assert b"\x1b[?25h" in self.shown.rpartition(ENTERED)[2]
        assert termios.tcgetattr(self._theirs) == self.before
        return code


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables by which a command finds the desk that runs for this file."""
    found = {"BETHNA_DATA_DIR": str(tmp_path_factory.mktemp("data")), "BETHNA_LOG_LEVEL": "error"}
    follows = [word for base in ("BTC", "ETH", "SOL", "XRP", "ADA") for word in ("--symbol", f"{base}-USDT")]
    with running(
        "up", "--source", "twin", "--seed", "7", "--port", "0", "--json", *follows, environment=found
    ) as process:
        line_of(process)
        yield found
        assert end(process, signal.SIGTERM)[0] == 0


@contextmanager
def terminal(around: dict[str, str], *words: str, size: tuple[int, int] = (120, 12)) -> Iterator[Terminal]:
    """`bethna WORDS` on a terminal of its own, as the leader of its session."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    code = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); " + PROGRAM[-1]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "TERM": "xterm", **around},
    )  # fmt: skip
    try:
        yield Terminal(ours, theirs, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)
        os.close(ours)
        os.close(theirs)


def test_it_draws_and_q_ends_it(around: dict[str, str]) -> None:
    with terminal(around, "watch") as screen:
        screen.until(b"XRP-USDT")
        lines = screen.frame()
        while b"complete" not in lines[2]:
            lines = screen.frame()
        assert b"SIMULATED, seed 7" in lines[0]
        assert b"UTC" in lines[0]
        assert b"COVERAGE" in lines[1]
        assert b"complete, SIMULATED" in lines[2]
        assert len(lines) == 7
        screen.press(b"q")
        assert screen.ended() == 0
    assert f"attached to {'http'}".encode() in screen.shown.partition(ENTERED)[0]
    assert COLOUR.search(screen.shown)


def test_ctrl_c_ends_it_with_its_exit_code(around: dict[str, str]) -> None:
    with terminal(around, "watch", "BTC-USDT") as screen:
        screen.until(b"BTC-USDT")
        screen.press(b"\x03")
        assert screen.ended() == 130
    assert b"Traceback" not in screen.shown


def test_sigterm_leaves_the_terminal_as_it_was(around: dict[str, str]) -> None:
    with terminal(around, "watch") as screen:
        screen.until(b"BTC-USDT")
        screen.process.send_signal(signal.SIGTERM)
        assert screen.ended() == 0


def test_it_follows_the_size_of_its_terminal(around: dict[str, str]) -> None:
    with terminal(around, "watch") as screen:
        screen.until(b"ADA-USDT")
        screen.resize(40, 5)
        lines = screen.frame()
        while len(lines) > 5:
            lines = screen.frame()
        plain = [COLOUR.sub(b"", line).replace(b"\x1b[0m", b"") for line in lines]
        assert all(len(line) <= 40 for line in plain)
        assert b"1 to 2 of 5" in plain[-1]
        for _ in range(9):
            screen.press(b"j")
        screen.until(b"4 to 5 of 5")
        for _ in range(9):
            screen.press(b"\x1b[A")
        screen.until(b"1 to 2 of 5")
        screen.press(b"q")
        assert screen.ended() == 0


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_nobody_wants_them(variables: dict[str, str], around: dict[str, str]) -> None:
    with terminal({**around, **variables}, "watch") as screen:
        screen.until(b"BTC-USDT")
        screen.frame()
        screen.press(b"q")
        assert screen.ended() == 0
    assert not COLOUR.search(screen.shown)


def test_ctrl_z_puts_the_terminal_back_until_it_goes_on(around: dict[str, str]) -> None:
    with terminal(around, "watch") as screen:
        screen.until(b"BTC-USDT")
        screen.process.send_signal(signal.SIGTSTP)
        screen.until(LEFT)
        _, status = os.waitpid(screen.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert termios.tcgetattr(screen._theirs) == screen.before
        screen.process.send_signal(signal.SIGCONT)
        screen.until(ENTERED)
        screen.frame()
        screen.press(b"q")
        assert screen.ended() == 0


def test_a_terminal_that_was_stopped_does_not_hold_up_the_end(around: dict[str, str]) -> None:
    with terminal(around, "watch") as screen:
        screen.until(b"BTC-USDT")
        screen.press(b"\x13")
        screen.process.send_signal(signal.SIGINT)
        assert screen.ended() == 130


def test_without_a_terminal_to_read_from_there_are_no_keys(around: dict[str, str]) -> None:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "watch"], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", **around},
    )  # fmt: skip
    try:
        seen = b""
        while b"BTC-USDT" not in seen:
            assert select.select([ours], [], [], PATIENCE_S)[0]
            seen += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        drain = b""
        while LEFT not in drain:
            assert select.select([ours], [], [], PATIENCE_S)[0]
            drain += os.read(ours, 65536)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130
        assert b"Traceback" not in errors
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_a_terminal_that_goes_away_ends_it(around: dict[str, str], tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    errors = tmp_path / "errors"
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [*PROGRAM, "watch"], stdin=theirs, stdout=theirs, stderr=file,
            start_new_session=True, env={**os.environ, "TERM": "xterm", **around},
        )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"BTC-USDT" not in seen:
        assert select.select([ours], [], [], PATIENCE_S)[0]
        seen += os.read(ours, 65536)
    os.close(ours)
    try:
        process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in errors.read_text()
