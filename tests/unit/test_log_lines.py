"""A log is never a reason to stop."""

from __future__ import annotations

import io
import sys

import pytest

from bethna.runtime.log_lines import LogLines


class Gone(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def closed() -> io.StringIO:
    file = io.StringIO()
    file.close()
    return file


@pytest.mark.parametrize("broken", [Gone(), closed()])
def test_a_line_that_cannot_be_written_is_counted_and_no_more(
    broken: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, before = LogLines(), LogLines.lost
    monkeypatch.setattr(sys, "stderr", broken)
    lines.warning("nobody hears")
    assert LogLines.lost == before + 1
    heard = io.StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    lines.info("again")
    assert heard.getvalue() == "again\n"
