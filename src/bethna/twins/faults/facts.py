"""A fault as a fact: what, when, for how long and to whom; it does not know whether it is active."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from bethna.core.errors import BethnaError, cut
from bethna.twins.faults.kinds import NAMES, SHEETS, Kind

OF_KIND = -1.0
"""Stands for the kind's own default."""


class FaultError(BethnaError):
    """A fault that cannot be: the message names the file and line (when there are any), the key and what is allowed."""

    code = "bad_fault_file"


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that goes wrong; what each kind means and takes is in `kinds.SHEETS`.

    Attributes:
        at_s, for_s: seconds since the twin's start; `for_s` 0 strikes once, at the first opportunity from `at_s` on.
        symbol, stream, endpoint: whom it strikes, "" every; a stream that ends in `*` stands for all that begin so.
        share: of frames, requests or connections struck while it is active; drawn with a seed.
        delay_s: how late, how old or how far, by kind. count: frames in a row, or copies.
        status, retry_after_s: of HTTP answers; without `retry_after_s` a client is told to wait for the fault's end.
        offset_s: of the venue's clock. history: False: REST lacks the missing trades too.
        raw: rubbish that is no WebSocket frame. on: requests, upgrades or both. to: the new name of a symbol.
        line: in the plan, 0 without one.

    Raises:
        FaultError: a kind that does not exist.
    """

    kind: Kind
    at_s: float = 0.0
    for_s: float = OF_KIND
    symbol: str = ""
    stream: str = ""
    endpoint: str = ""
    share: float = 1.0
    delay_s: float = OF_KIND
    count: int = 1
    status: int = 503
    retry_after_s: float | None = None
    offset_s: float = 0.0
    history: bool = True
    raw: bool = False
    on: Literal["rest", "ws", "both"] = "both"
    to: str = ""
    line: int = 0

    def __post_init__(self) -> None:
        sheet = SHEETS.get(self.kind)
        if sheet is None:
            raise FaultError(f"kind: expected a kind of fault, found {self.kind!r}", hint=near(self.kind))
        if self.for_s == OF_KIND:
            force_setattr(self, "for_s", sheet.defaults["for_s"])
        if self.delay_s == OF_KIND:
            force_setattr(self, "delay_s", sheet.defaults.get("delay_s", 1.0))

    @property
    def once(self) -> bool:
        """It strikes a single time."""
        return not self.for_s

    def hits(self, symbol: str, stream: str, endpoint: str) -> bool:
        """Whether it is about this symbol, stream and endpoint."""
        return (
            (not self.symbol or self.symbol == symbol)
            and (not self.stream or self._hits_stream(stream))
            and (not self.endpoint or self.endpoint == endpoint)
        )

    def _hits_stream(self, stream: str) -> bool:
        return stream.startswith(self.stream[:-1]) if self.stream.endswith("*") else stream == self.stream


def near(name: str, kinds: Sequence[str] = NAMES) -> str:
    """A hint with the kind of fault that is meant, or all of them."""
    found = get_close_matches(cut(name), kinds, n=1, cutoff=0.5)
    return f"did you mean {found[0]}?" if found else f"kinds: {', '.join(kinds)}"
