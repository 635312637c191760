"""The desk's numbers as Prometheus text; written by hand, since it is forty lines and a dependency is not.

It measures nothing itself: it reads the desk, the bus, the loop's lag and the hub when asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from bethna.api.answers import VERSION, desk_state
from bethna.api.reader import DeskReader
from bethna.core.clock import NS_PER_S
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import LAG_BUCKETS_NS, LoopLag

Labels = dict[str, str]
Sample = tuple[str, Labels, float | int | None]
"""(suffix of the name, labels, value); a value that is None is left out."""


class HubNumbers:
    """Counters of the sockets' clients, written by the hub and its clients.

    Attributes:
        clients, topics: connected now, and their subscriptions. connected: clients since start.
        frames, bytes_sent: sent since start. dropped: events lost because a client was slow.
        closed_slow: clients that were cut off because their socket did not drain.
        refused: requests answered by an error, by its code.
    """

    def __init__(self) -> None:
        self.clients = 0
        self.topics = 0
        self.connected = 0
        self.frames = 0
        self.bytes_sent = 0
        self.dropped = 0
        self.closed_slow = 0
        self.refused: Counter[str] = Counter()


class Metrics:
    """Everything `GET /metrics` says."""

    def __init__(self, desk: DeskReader, bus: Bus, lag: LoopLag, hub: HubNumbers) -> None:
        self._desk = desk
        self._bus = bus
        self._lag = lag
        self._hub = hub

    def text(self) -> str:
        """Prometheus text format 0.0.4."""
        lines: list[str] = []
        for name, kind, about, samples in self._families():
            kept = [sample for sample in samples if sample[2] is not None]
            if not kept:
                continue
            lines += (f"# HELP bethna_{name} {about}", f"# TYPE bethna_{name} {kind}")
            lines += (f"bethna_{name}{suffix}{_labels(labels)} {value}" for suffix, labels, value in kept)
        return "\n".join(lines) + "\n"

    def _families(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        yield "build", "gauge", "Always 1; the version is a label.", [("", {"version": VERSION}, 1)]
        simulated = int(self._desk.simulation() is not None)
        yield "simulated", "gauge", "1 when the market is simulated.", [("", {}, simulated)]
        yield from self._venues()
        yield from self._connections()
        yield from self._instruments()
        yield from self._mailboxes()
        yield from self._loop()
        yield from self._clients()

    def _venues(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        venues = self._desk.venues()
        feeds = [self._desk.instrument_health(found.id) for found in self._desk.instruments()]
        state = desk_state(venues, feeds)
        yield (
            "desk_state",
            "gauge",
            "1 for the state that the desk is in.",
            [("", {"state": word}, int(word == state)) for word in ("ok", "degraded", "down")],
        )
        columns = (
            ("venue_connections", "gauge", "Open sockets.", "connections"),
            ("venue_connection_attempts_total", "counter", "Connection attempts.", "attempts"),
            ("venue_reconnects_total", "counter", "Reconnects.", "reconnects"),
            ("venue_rotations_total", "counter", "Planned rotations of sockets.", "rotations"),
            ("venue_messages_total", "counter", "Messages received.", "messages"),
            ("venue_wire_errors_total", "counter", "Frames that broke the protocol.", "wire_errors"),
            ("venue_unknown_messages_total", "counter", "Frames of an unknown kind.", "unknown_messages"),
            ("venue_quota_used", "gauge", "REST request weight in this minute.", "quota_used"),
            ("venue_quota_limit", "gauge", "REST request weight allowed a minute.", "quota_limit"),
        )
        for name, kind, about, field in columns:
            yield name, kind, about, [("", {"venue": v.venue}, getattr(v, field)) for v in venues]
        yield (
            "venue_up",
            "gauge",
            "1 while the venue delivers.",
            [("", {"venue": v.venue}, int(v.state in ("ok", "ended"))) for v in venues],
        )
        yield (
            "venue_clock_offset_seconds",
            "gauge",
            "Venue minus host clock.",
            [("", {"venue": v.venue}, _seconds(v.clock_offset_ns)) for v in venues],
        )

    def _connections(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        """Each open socket by its number; who reads them sums by venue."""
        rows = [({"venue": c.venue, "number": str(c.number)}, c) for c in self._desk.connections()]
        yield (
            "connection_lag_seconds",
            "gauge",
            "Age of the newest trade or book update when it came.",
            [("", labels, None if c.lag_ms is None else c.lag_ms / 1000) for labels, c in rows],
        )
        yield (
            "connection_messages_total",
            "counter",
            "Messages received on this socket.",
            [("", labels, c.messages) for labels, c in rows],
        )
        yield (
            "connection_streams",
            "gauge",
            "Streams that it carries.",
            [("", labels, c.streams) for labels, c in rows],
        )

    def _instruments(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        now_ns = self._desk.clock.now_ns()
        feeds = [self._desk.instrument_health(found.id) for found in self._desk.instruments()]
        columns = (
            ("trades_total", "Trades released.", "trades"),
            ("trade_gaps_total", "Gaps found between trades.", "trade_gaps"),
            ("heals_total", "Gaps healed.", "heals"),
            ("duplicates_total", "Trades, book updates and quotes that the venue said twice.", "duplicates"),
            ("book_updates_total", "Book updates applied.", "book_updates"),
            ("book_gaps_total", "Gaps found between book updates.", "book_gaps"),
            ("resyncs_total", "Books synchronised again.", "resyncs"),
        )
        for name, about, field in columns:
            yield (
                name,
                "counter",
                about,
                [("", {"instrument": f.instrument}, getattr(f, field)) for f in feeds],
            )
        ages: list[Sample] = [
            ("", {"instrument": f.instrument}, _seconds(max(0, now_ns - f.last_message)))
            for f in feeds
            if f.last_message is not None
        ]
        yield "last_message_age_seconds", "gauge", "Since the last message of any kind.", ages
        yield (
            "instrument_live",
            "gauge",
            "1 while the instrument's data is live.",
            [("", {"instrument": f.instrument}, int(f.state == "live")) for f in feeds],
        )

    def _mailboxes(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        rows: dict[tuple[str, str, str], list[int]] = {}
        for use in self._bus.mailboxes():
            found = use.statistics
            row = rows.setdefault((use.channel, use.name, found.policy), [0, 0, 0, 0])
            row[0] = max(row[0], found.depth)
            row[1] = max(row[1], found.peak)
            row[2] = max(row[2], found.bound)
            row[3] += found.dropped
        columns = (
            ("mailbox_depth", "gauge", "Events waiting in the fullest mailbox of this reader."),
            ("mailbox_peak", "gauge", "The most that ever waited."),
            ("mailbox_bound", "gauge", "The most that may wait."),
            ("mailbox_dropped_total", "counter", "Events lost because the reader was slow."),
        )
        for column, (name, kind, about) in enumerate(columns):
            samples = [
                ("", {"channel": channel, "reader": reader, "policy": policy}, row[column])
                for (channel, reader, policy), row in rows.items()
            ]
            yield name, kind, about, samples

    def _loop(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        lag = self._lag.statistics()
        samples: list[Sample] = []
        total = 0
        for bound_ns, count in zip(LAG_BUCKETS_NS, lag.counts, strict=False):
            total += count
            samples.append(("_bucket", {"le": str(bound_ns / NS_PER_S)}, total))
        samples.append(("_bucket", {"le": "+Inf"}, lag.samples))
        samples.append(("_sum", {}, _seconds(lag.total_ns)))
        samples.append(("_count", {}, lag.samples))
        yield "loop_lag_seconds", "histogram", "How late the event loop ran what was due.", samples
        yield (
            "loop_lag_peak_seconds",
            "gauge",
            "The latest that it ever ran.",
            [("", {}, _seconds(lag.peak_ns))],
        )

    def _clients(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        hub = self._hub
        yield "clients", "gauge", "Connected WebSocket clients.", [("", {}, hub.clients)]
        yield "client_topics", "gauge", "Their subscriptions.", [("", {}, hub.topics)]
        yield (
            "clients_connected_total",
            "counter",
            "WebSocket clients since start.",
            [("", {}, hub.connected)],
        )
        yield "client_frames_total", "counter", "Frames sent to clients.", [("", {}, hub.frames)]
        yield "client_bytes_total", "counter", "Bytes of those frames.", [("", {}, hub.bytes_sent)]
        yield (
            "client_dropped_total",
            "counter",
            "Events lost to slow clients.",
            [("", {}, hub.dropped)],
        )
        yield (
            "clients_closed_slow_total",
            "counter",
            "Clients cut off because their socket did not drain.",
            [("", {}, hub.closed_slow)],
        )
        yield (
            "requests_refused_total",
            "counter",
            "Requests answered by an error, by its code.",
            [("", {"code": code}, count) for code, count in sorted(hub.refused.items())],
        )


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / NS_PER_S


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    escaped = (
        (name, value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\""))
        for name, value in labels.items()
    )
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped) + "}"
