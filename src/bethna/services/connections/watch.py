"""Looks after how fresh the streams of the pool are and whether a replacement socket shows what the old one shows.

It compares the marks that links leave and cuts nothing. A snapshot that begins a book is a sign of life like any other,
but no stream of its own: it comes once, and nobody waits for the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bethna.core.clock import NS_PER_S, seconds
from bethna.core.market import BookSnapshot, InstrumentId
from bethna.logic.session_types import ConnectionSettings
from bethna.logic.watchdog import Verdict, Watchdog
from bethna.services.connections.link import Link

# One slow stream among lively ones of the same instrument may be slow for long before that means anything.
_STREAM_PATIENCE = 12
_LIVELY_NS = 5 * NS_PER_S
_ONCE: frozenset[type] = frozenset({BookSnapshot})


class StreamKey(NamedTuple):
    """One kind of event of one instrument; kind None stands for whatever the instrument sends."""

    instrument: InstrumentId
    kind: type | None


class Standing(NamedTuple):
    """How an instrument is.

    Attributes:
        seen: anything has come. stale: why it is called stale, empty while it is not.
        was_lively: what fell silent had a known pace.
    """

    seen: bool
    stale: str
    was_lively: bool


class Freshness:
    """The data ages of one venue's streams. `now` is monotonic nanoseconds."""

    def __init__(self, settings: ConnectionSettings) -> None:
        low, high = seconds(settings.stale_min_s), seconds(settings.stale_max_s)
        unknown = seconds(settings.stale_unknown_s)
        self._whole: Watchdog[InstrumentId] = Watchdog(low, high, unknown)
        self._streams: Watchdog[StreamKey] = Watchdog(low, high * _STREAM_PATIENCE, high)
        self._kinds: dict[InstrumentId, set[type]] = {}
        self._reasons: dict[StreamKey, str] = {}
        self._half_proof_ns = seconds(settings.prove_s) // 2

    def watch(self, instrument: InstrumentId, now: int) -> None:
        """Silence counts from now on."""
        self._whole.watch(instrument, now)
        self._kinds.setdefault(instrument, set())

    def forget(self, instrument: InstrumentId) -> None:
        """Not wanted any more."""
        self._whole.forget(instrument)
        self._reasons.pop(StreamKey(instrument, None), None)
        for kind in self._kinds.pop(instrument, ()):
            self._streams.forget(StreamKey(instrument, kind))
            self._reasons.pop(StreamKey(instrument, kind), None)

    def restart(self, instruments: Iterable[InstrumentId], now: int) -> None:
        """A new socket carries them: silence counts from now, their pace stays known."""
        for instrument in instruments:
            self._whole.restart(instrument, now)
            for kind in self._kinds.get(instrument, ()):
                self._streams.restart(StreamKey(instrument, kind), now)

    def look(self, instrument: InstrumentId, links: Iterable[Link], now: int) -> Standing:
        """Compare the marks that the instrument's links left since the last look."""
        newest: dict[type, int] = {}
        counts: dict[type, int] = {}
        for link in links:
            for kind, marks in link.marks.items():
                mark = marks.get(instrument)
                if mark is not None:
                    newest[kind] = max(mark.at, newest.get(kind, -1))
                    counts[kind] = max(mark.count, counts.get(kind, 0))  # two sockets say the same
                    mark.count = 0
        known = self._kinds.setdefault(instrument, set())
        stale, spoke = "", False
        for kind in sorted((known | newest.keys()) - _ONCE, key=lambda kind: kind.__name__):
            key = StreamKey(instrument, kind)
            if kind not in known:
                known.add(kind)
                self._streams.watch(key, now)
            reason = self._note(key, self._streams.seen(key, newest.get(kind), now, counts.get(kind, 0)))
            stale = reason or stale
            spoke = spoke or (bool(reason) and self._streams.is_learnt(key))
        whole = max(newest.values(), default=None)
        verdict = self._whole.seen(instrument, whole, now, sum(counts.values()))
        silent = self._note(StreamKey(instrument, None), verdict)
        spoke = spoke or (bool(silent) and self._whole.is_learnt(instrument))
        return Standing(whole is not None, silent or stale, spoke)

    def _note(self, key: StreamKey, verdict: Verdict | None) -> str:
        """Why a stream is stale, empty while it is not."""
        if verdict is not None and not verdict.stale:
            self._reasons.pop(key, None)
        elif verdict is not None:
            what = "nothing" if key.kind is None else f"no {key.kind.__name__}"
            self._reasons[key] = f"{what} for longer than {verdict.allowed_ns / NS_PER_S:.0f} s"
        return self._reasons.get(key, "")

    def shows_the_same(self, old: Link, new: Link, since: int, now: int) -> bool:
        """Whether a successor delivers what the old socket delivers.

        Asked of it is every stream that the old one has delivered after `since` (ns UTC, when the successor had all
        its subscriptions), and every lively one; a lively stream that is silent on both is excused after half of the
        time for proving.
        """
        opened_at = new.opened_at
        if opened_at is None:
            return False
        patient = now - opened_at >= self._half_proof_ns
        for kind, marks in old.marks.items():
            shown = new.marks[kind]
            for instrument, mark in marks.items():
                if instrument in shown or instrument not in self._kinds:
                    continue
                if mark.at > since:
                    return False
                if not patient and self._streams.lively(StreamKey(instrument, kind), _LIVELY_NS):
                    return False
        return new.is_proven or not any(old.marks.values())
