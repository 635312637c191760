"""Where log lines end: on stderr, whole, one at a time. It neither formats them nor chooses which are written.

stderr is looked up for each line: a notebook or a test puts another one in its place. One that is closed, full or read
by nobody any more costs the line and no more, since no log is a reason to stop following a market.
"""

from __future__ import annotations

import sys
from threading import Lock

_lock = Lock()


class LogLines:
    """What structlog writes to.

    Attributes:
        lost: lines that could not be written.
    """

    lost = 0

    def msg(self, message: str) -> None:
        """Write one line."""
        try:
            with _lock:
                print(message, file=sys.stderr, flush=True)
        except (OSError, ValueError):
            LogLines.lost += 1

    log = debug = info = warn = warning = error = critical = fatal = failure = err = exception = msg


def to_stderr(*_name: object) -> LogLines:
    """As a factory of structlog."""
    return LogLines()
