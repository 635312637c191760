"""One client's connection in the venue's words: its status, its requests, its heartbeats.

Rules
  1. The status comes first, before anything is asked.
  2. Each symbol is answered for itself, and what comes first of it (a snapshot) follows its own answer.
  3. With the first request to subscribe, granted or not, heartbeats begin; they carry nothing and prove nothing about
     what was subscribed.
  4. A refusal leaves the connection as it is.
  5. A pair has one depth and one trigger on a connection; unsubscribing must name them.
"""

from __future__ import annotations

import re
from random import Random

import msgspec

from bethna.twins.faults.facts import Fault
from bethna.twins.kraken.book import Books
from bethna.twins.kraken.control import Clerk, Wanted
from bethna.twins.kraken.publishers import Candles, Heartbeats, Tickers, Trades
from bethna.twins.kraken.reference import Instruments
from bethna.twins.kraken.streams import HEARTBEAT, Stream
from bethna.twins.line import connection as line
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.shared import Shared

VERSION = "2.0.10"
_PAIR = re.compile(r"[^/]+/[^/]+")
_BEYOND_FLOATS = 1 << 62


class Connection(line.Connection):
    """One WebSocket connection."""

    def __init__(self, shared: Shared, address: str, path: str) -> None:
        super().__init__(shared, address, path, wraps=True)  # see `speech`
        self._places: dict[tuple[str, str, int], Stream] = {}
        self._id = _BEYOND_FLOATS | Random(f"{shared.seed}/connection id/{self.number}").getrandbits(62)

    def begin(self, now: int) -> None:
        """Rule 1."""
        self._say_status("online")

    def announce(self, fault: Fault, now: int) -> None:
        """Maintenance is a status."""
        self._say_status("maintenance")

    def too_many(self, now: int) -> None:
        """It is told so and goes on (rule 4)."""
        self.post.answer(Clerk(b"", self._shared.venue_now).refused("Exceeded msg rate"))

    def obey(self, data: bytes | str, now: int) -> None:
        """Read a request and answer it."""
        clerk = Clerk(data, self._shared.venue_now)
        wanted = clerk.read()
        if isinstance(wanted, bytes):
            self.post.answer(wanted, self.lateness_s((), now))
        elif wanted.method == "subscribe":
            for stream in wanted.streams:
                self._subscribe(clerk, wanted, stream, now)
        else:
            for stream in wanted.streams:
                self._unsubscribe(clerk, wanted, stream, now)

    def _subscribe(self, clerk: Clerk, wanted: Wanted, stream: Stream, now: int) -> None:
        """Rules 2 to 5."""
        self.carry(HEARTBEAT, Heartbeats, now)
        late_s = self.lateness_s((stream,), now)
        if why := self._why_not(stream, now):
            self.post.answer(clerk.refused(why, stream.symbol), late_s)
            return
        self._places[stream.place] = stream
        topic = self.carry(stream, lambda: self._publisher(stream), now)
        self.post.answer(clerk.done(wanted, stream), late_s)
        if wanted.snapshot:
            self.open_topic(topic, now)

    def _why_not(self, stream: Stream, now: int) -> str:
        symbol = stream.symbol
        if symbol and not _PAIR.fullmatch(symbol):
            return f"Currency pair not in ISO 4217-A3 format {symbol[:40]}"
        if symbol and symbol not in self._shared.world.markets:
            return f"Currency pair not supported {symbol[:40]}"
        if stream.place in self._places:
            return "Already subscribed"
        if self.refuses(stream, now):
            self._shared.refusals += 1
            return f"Currency pair not supported {symbol}".rstrip()
        return ""

    def _unsubscribe(self, clerk: Clerk, wanted: Wanted, stream: Stream, now: int) -> None:
        late_s = self.lateness_s((stream,), now)
        if self._places.get(stream.place) != stream:  # rule 5
            self.post.answer(clerk.refused("Subscription not found", stream.symbol), late_s)
            return
        del self._places[stream.place]
        self.drop(stream.name)
        self.post.answer(clerk.done(wanted, stream), late_s)

    def _publisher(self, stream: Stream) -> Publisher:
        shared = self._shared
        if stream.channel == "instrument":
            return Instruments(shared.world)
        market = shared.world.markets[stream.symbol]
        match stream.channel:
            case "trade":
                return Trades(market)
            case "book":
                return Books(market, stream.depth, shared.venue_now)
            case "ticker":
                return Tickers(market, bbo=stream.bbo)
            case _:
                return Candles(market, stream.minutes)

    def _say_status(self, system: str) -> None:
        one = {
            "version": VERSION,
            "system": system,
            "api_version": "v2",
            "connection_id": self._id,
            "upcoming_maintenance": [],
            "emergency": [],
        }
        self.post.answer(msgspec.json.encode({"channel": "status", "type": "update", "data": [one]}))
