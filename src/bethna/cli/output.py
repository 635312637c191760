"""Lines to stdout from an event loop that must not wait for who reads them; what is written it does not know.

Rules
  1. A thread writes. A reader who stops reading (`| less`) holds up neither the desk nor Ctrl-C.
  2. Whoever has more to say than is read waits in `say`: what is left out is left out of their mailbox, and counted.
  3. What cannot be written (a pipe that was closed, a full disk) is raised in the next `say` or `drained`, and `broken`
     is set at once.
  4. Nothing is kept in Python's own buffer, and nothing is waited for at the end but what `drained` waits for: a
     process that is told to end, ends.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import sys
import threading

_MOST_BYTES = 1 << 16


class Output:
    """Writes to a descriptor. It belongs to the running loop.

    Args:
        descriptor: where to; stdout unless a test brings its own.
        encoding: of the text.
    """

    def __init__(self, descriptor: int | None = None, encoding: str | None = None) -> None:
        self._descriptor = stdout_descriptor() if descriptor is None else descriptor
        self._encoding = encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Condition()
        self._waiting = bytearray()
        self._writing = False
        self._error: OSError | None = None
        self._less = asyncio.Event()
        self._less.set()
        self.broken = asyncio.Event()
        threading.Thread(target=self._write, name="stdout", daemon=True).start()

    async def say(self, text: str) -> None:
        """Write a line; waits while more than 64 KiB wait to be read (rule 2). Raises OSError (rule 3)."""
        await self.write(f"{text}\n")

    async def write(self, text: str) -> None:
        """The same without the end of the line."""
        self._offer(text.encode(self._encoding, "replace"))
        await self._less.wait()
        self._check()

    async def drained(self) -> None:
        """Wait until all of it is written. Raises OSError (rule 3)."""
        while True:
            with self._lock:
                if self._error is not None or not (self._waiting or self._writing):
                    break
                self._less.clear()
            await self._less.wait()
        self._check()

    def forget(self) -> None:
        """What the thread has not begun to write is not written."""
        with self._lock:
            self._waiting.clear()
        self._less.set()

    def _offer(self, data: bytes) -> None:
        self._check()
        with self._lock:
            self._waiting += data
            if len(self._waiting) > _MOST_BYTES:
                self._less.clear()
            self._lock.notify()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        """Rule 1, in the thread."""
        while True:
            with self._lock:
                self._lock.wait_for(lambda: bool(self._waiting))
                data, self._waiting = bytes(self._waiting), bytearray()
                self._writing = True
            error = write_all(self._descriptor, data)
            with self._lock:
                self._writing = False
                self._error = error
            try:
                self._loop.call_soon_threadsafe(self._told)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                return
            if error is not None:
                return

    def _told(self) -> None:
        """In the loop: the thread has written what there was."""
        with self._lock:
            if len(self._waiting) <= _MOST_BYTES or self._error is not None:
                self._less.set()
        if self._error is not None:
            self.broken.set()


def write_all(descriptor: int, data: bytes) -> OSError | None:
    """Write it whole, waiting for the reader; the error that ended it."""
    rest = memoryview(data)
    try:
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:  # somebody who shares it does not want to wait; we do
                select.select([], [descriptor], [])
    except OSError as error:
        return error
    return None


def stdout_descriptor() -> int:
    """Where stdout goes. Raises BrokenPipeError when it was closed before we began."""
    if sys.stdout is None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
    sys.stdout.flush()
    return sys.stdout.fileno()
