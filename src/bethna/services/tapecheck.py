"""Whether a tape is one recording as it was made; it judges no price, repairs nothing and stops nothing.

Rules
  1. Lines stand in the order in which things happened. A line that was received before the one above it says that the
     recorder's clock was set back, which happens, or that the lines are not in their order. FEW_STEPS, each shorter
     than STEP_NS, are told and no more; otherwise nothing that rests on order is proved.
  2. The first line once more is the same recording once more, and so are lines that stand there twice in a row.
  3. A socket's number is used once in a recording. One that is opened after it was used says that another recording
     begins in the same file, and between the two nobody listened.
  4. A frame that its own socket's language cannot read, and another language can, is that other one's. LOOKS of them
     are looked at, so that a tape full of rubbish costs no more than it should.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_never

from msgspec import Struct

from bethna.core.clock import NS_PER_S, iso_utc
from bethna.core.coverage import State
from bethna.core.errors import VenueError
from bethna.core.wire import WireEvent
from bethna.store.tapes import TapeEntry
from bethna.venues.registry import codec_to_read, readable_names
from bethna.venues.spec import Codec

FEW_STEPS = 10
STEP_NS = 5 * NS_PER_S
LOOKS = 100

FaultCode = Literal["backwards", "again", "doubled", "reopened", "stranger"]


class TapeFault(Struct, frozen=True, gc=False):
    """What is wrong with a tape as a recording.

    Attributes:
        line: 1-based, of the first time. times: how often it was found.
        most: the strongest state that any figure of such a tape may claim; None where it is only told.
    """

    code: FaultCode
    line: int
    times: int
    message: str
    most: State | None


class _Found:
    """One kind of fault while it is counted."""

    __slots__ = ("line", "times", "words")

    def __init__(self, line: int, words: str) -> None:
        self.line = line
        self.words = words
        self.times = 0


class TapeCheck:
    """Looks at every entry of a tape once, in their order."""

    def __init__(self) -> None:
        self.begin_again()

    def begin_again(self) -> None:
        """Nothing has been looked at."""
        self._first: TapeEntry | None = None
        self._last: TapeEntry | None = None
        self._entries = 0
        self._longest_step = 0
        self._used: set[int | None] = set()
        self._found: dict[tuple[FaultCode, str], _Found] = {}
        self._looks = 0

    def entry(self, entry: TapeEntry) -> None:
        """One more line (rules 1 to 3)."""
        last, self._last = self._last, entry
        self._entries += 1
        if last is None:
            self._first = entry
        elif entry.ts <= last.ts:
            self._not_after(entry, last)
        if entry.kind == "open" and entry.conn in self._used:  # rule 3
            self._note("reopened", entry, f"socket {entry.conn}")
        self._used.add(entry.conn)

    def misread(self, entry: TapeEntry, venue: str, codec: Codec) -> None:
        """A frame that the language of its socket could not read (rule 4)."""
        if self._looks >= LOOKS:
            return
        self._looks += 1
        for name in readable_names():
            other = codec_to_read(name)[1]
            if type(other) is not type(codec) and _reads(other, entry):
                self._note("stranger", entry, f"frames of {name} inside a tape of {venue}")
                return

    def faults(self) -> Sequence[TapeFault]:
        """What was found, in order of the first line of each."""
        upside_down = self._upside_down()
        found = [
            self._fault(code, each)
            for (code, _), each in self._found.items()
            if not (upside_down and code == "reopened")  # it was opened before, of course
        ]
        return sorted(found, key=lambda each: each.line)

    def _upside_down(self) -> bool:
        found = self._found.get(("backwards", ""))
        return found is not None and found.times > 1 and 2 * found.times >= self._entries - 1

    def _not_after(self, entry: TapeEntry, last: TapeEntry) -> None:
        """Rules 1 and 2."""
        first = self._first
        if entry.ts < last.ts:
            self._longest_step = max(self._longest_step, last.ts - entry.ts)
            self._note("backwards", entry, f"{iso_utc(entry.ts)} after {iso_utc(last.ts)}")
        elif _same(entry, last):
            self._note("doubled", entry, "")
        if first is not None and first is not last and _same(entry, first):
            self._note("again", entry, "")

    def _note(self, code: FaultCode, entry: TapeEntry, words: str) -> None:
        key = (code, words if code == "stranger" else "")
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = _Found(entry.line, words)
        found.times += 1

    def _fault(self, code: FaultCode, found: _Found) -> TapeFault:
        times = f", {found.times:,} times in all" if found.times > 1 else ""
        where = f"line {found.line:,}"
        most: State | None = State.UNVERIFIED
        match code:
            case "backwards":
                said = f"receive times run backwards at {where} ({found.words}){times}"
                if self._upside_down():
                    said += ": the lines stand in reverse"
                elif found.times <= FEW_STEPS and self._longest_step < STEP_NS:
                    said += ": the recorder's clock was set back, or lines are not in their order"
                    most = None
            case "again":
                said = f"the recording begins again from its first line at {where}{times}"
            case "doubled":
                said = f"the same line stands there twice at {where}{times}"
                most = None if found.times <= FEW_STEPS else most
            case "reopened":
                said = f"another recording begins in the same file at {where}: {found.words} is opened anew{times}"
                most = State.INCOMPLETE
            case "stranger":
                said = f"{found.words} at {where}{times}"
                most = State.INCOMPLETE
            case _:
                assert_never(code)
        return TapeFault(code, found.line, found.times, said, most)


def _same(one: TapeEntry, other: TapeEntry) -> bool:
    return (one.ts, one.conn, one.kind, one.url, one.raw) == (
        other.ts,
        other.conn,
        other.kind,
        other.url,
        other.raw,
    )


def _reads(codec: Codec, entry: TapeEntry) -> bool:
    """Whether a language finds something of a market in a frame, not only a word that it would let pass."""
    try:
        events: Sequence[WireEvent] = codec.connection(1).decode(entry.raw, entry.ts)
    except VenueError:
        return False
    return any(hasattr(event, "instrument") for event in events)
