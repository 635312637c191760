"""A terminal that is drawn upon: the other screen, keys one by one, its size; and everything put back at the end.

Rules
  1. However it ends (a key, Ctrl-C, SIGTERM, an error), the terminal is as it was: screen, cursor, echo.
  2. Ctrl-Z puts it back before it stops, and draws again when it goes on.
  3. A terminal that was stopped with Ctrl-S does not hold up the end.
  4. Without a terminal to read from there are no keys; Ctrl-C ends it.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from bethna.cli.output import Output, write_all

_ENTER = b"\x1b[?1049h\x1b[?25l\x1b[2J"
_LEAVE = b"\x1b[0m\x1b[?25h\x1b[?1049l"
_KEYS = {
    b"q": "q", b"Q": "q", b"\x04": "q", b"j": "down", b"\x1b[B": "down", b"\x1bOB": "down",
    b"k": "up", b"\x1b[A": "up", b"\x1bOA": "up",
}  # fmt: skip
_SEQUENCE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b?.", re.DOTALL)
_LEAST, _USUAL = (20, 3), (80, 24)
LAST_S = 0.5
"""How long the end waits for a frame that is being written."""


class Screen:
    """The terminal of this process, while the block lasts.

    Args:
        out: what is drawn goes there.
        pressed: called with `q`, `up` or `down`. resized: called when the size has changed, and after Ctrl-Z.
    """

    def __init__(self, out: Output, pressed: Callable[[str], None], resized: Callable[[], None]) -> None:
        self._drawn = out
        self._pressed = pressed
        self._resized = resized
        self._loop = asyncio.get_running_loop()
        self._out = sys.stdout.fileno()
        self._in = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._modes: Any = None
        self._signals: list[int] = []

    async def __aenter__(self) -> Self:
        self._enter()
        for name, handler in (("SIGWINCH", self._resized), ("SIGTSTP", self._stop)):
            number = getattr(signal, name, None)
            if number is not None:
                self._loop.add_signal_handler(number, handler)
                self._signals.append(number)
        if self._in is not None:
            self._loop.add_reader(self._in, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._in is not None:
            self._loop.remove_reader(self._in)
        for number in self._signals:
            self._loop.remove_signal_handler(number)
        try:
            self._unstop()
            self._drawn.forget()
            async with asyncio.timeout(LAST_S):
                await self._drawn.drained()
        except OSError:  # TimeoutError is one; and of a terminal that has gone
            pass
        finally:
            self._leave()

    def size(self) -> tuple[int, int]:
        """Columns and lines; no less than something can be drawn on."""
        try:
            found = os.get_terminal_size(self._out)
        except OSError:
            return _USUAL
        if not found.columns or not found.lines:  # a terminal that was not told its size
            return _USUAL
        return max(found.columns, _LEAST[0]), max(found.lines, _LEAST[1])

    def _enter(self) -> None:
        if self._in is not None:
            import termios

            self._modes = termios.tcgetattr(self._in)
            modes = termios.tcgetattr(self._in)
            modes[0] &= ~termios.IXON  # rule 3
            modes[3] &= ~(termios.ICANON | termios.ECHO)  # signals stay: Ctrl-C and Ctrl-Z are the terminal's
            modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._in, termios.TCSADRAIN, modes)
        write_all(self._out, _ENTER)

    def _leave(self) -> None:
        """Rule 1."""
        write_all(self._out, _LEAVE)
        if self._in is not None and self._modes is not None:
            import termios

            with suppress(termios.error):  # the terminal has gone: nothing is left to put back
                termios.tcsetattr(self._in, termios.TCSANOW, self._modes)
            self._modes = None

    def _unstop(self) -> None:
        """Rule 3."""
        if sys.platform != "win32":
            import termios

            with suppress(termios.error):
                termios.tcflow(self._out, termios.TCOOFF)  # takes over from Ctrl-S, which TCOON does not undo
                termios.tcflow(self._out, termios.TCOON)

    def _stop(self) -> None:
        """Rule 2. The process stands still inside of `kill`."""
        self._unstop()
        self._leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._enter()
        self._resized()

    def _read(self) -> None:
        assert self._in is not None
        try:
            typed = os.read(self._in, 64)
        except OSError:
            typed = b""
        if not typed:  # its end
            self._loop.remove_reader(self._in)
            self._pressed("q")
            return
        for key in keys_of(typed):
            self._pressed(key)


def keys_of(typed: bytes) -> list[str]:
    """What was pressed, also several keys at once; what means nothing is passed over, a sequence of it as a whole."""
    words = (_KEYS.get(each) for each in _SEQUENCE.findall(typed))
    return [word for word in words if word is not None]


def frame(lines: list[str]) -> str:
    """Lines that replace what is on the screen, without a flicker: from the top, each cleared to its end."""
    return "\x1b[H" + "\x1b[K\r\n".join(lines) + "\x1b[K\x1b[J"
