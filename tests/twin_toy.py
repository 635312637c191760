"""The least venue that a twin can be: what a venue brings to `bethna.twins.line`, in the words of none that exists.

    {"ask":["trade BTC/USD","book BTC/USD"]} -> {"n":1,"got":["trade BTC/USD","book BTC/USD"]}, then a snapshot
    {"drop":["trade BTC/USD"]}               -> {"n":9,"got":["book BTC/USD"]}
    GET /book?of=BTC/USD                     -> {"of":"BTC/USD","u":7,"bids":[[6125000,120]],"asks":[]}

Its frames bear one number a connection, its books a checksum, and a beat comes each second once anything is subscribed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from zlib import crc32

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from twin_bench import ADDRESS, START, NotingWire

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.faults import Fault, Faults, Words
from bethna.twins.line import (
    Answer,
    Connection,
    NumberedPost,
    Post,
    Publisher,
    Role,
    Rules,
    Speech,
    VenueTwin,
    Window,
)
from bethna.twins.line.denials import headers
from bethna.twins.line.limits import Gates
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.catalogue import listing
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Level, Market
from bethna.twins.market.world import World

WORDS = Words("kraken", ("trade", "book", "beat"), ("/book", "/socket"), symbol_form=r"[A-Z]+/[A-Z]+")
SYMBOLS = ("BTC/USD", "ETH/USD")
LEVELS = 10
_RANKS = {"trade": 0, "book": 1}
_ROLES: dict[str, Role] = {"trade": "trades", "book": "diffs"}
_encode = msgspec.json.encode


class ToyStream(Struct, frozen=True):
    name: str
    symbol: str
    suffix: str

    @property
    def every_ns(self) -> int:
        return {"book": 100 * NS_PER_MS, "beat": NS_PER_S}.get(self.suffix, 0)

    @property
    def role(self) -> Role:
        return _ROLES.get(self.suffix, "")

    @property
    def rank(self) -> int:
        return _RANKS.get(self.suffix, 9)


BEAT = ToyStream("beat", "", "beat")


class Trades(Publisher):
    def hear(self, market: Market, step: Step) -> list[bytes]:
        symbol = market.listing.symbol
        return [_encode({"of": symbol, "t": each.trade_id, "p": each.price}) for each in step.executions]


class Books(Publisher):
    """The book as it was last said, so that a snapshot fits the changes that follow."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._u, self._bids, self._asks = _whole(market)
        self._changes: list[tuple[bool, int, int]] = []

    def hear(self, market: Market, step: Step) -> list[bytes]:
        self._changes += [(change.bid, change.price, change.quantity) for change in step.changes]
        return []

    def flush(self, now: int) -> list[bytes]:
        if not self._changes:
            return []
        before, self._u = self._u, self._market.update_id
        for bid, price, quantity in self._changes:
            side = self._bids if bid else self._asks
            side[price] = quantity
            if not quantity:
                del side[price]
        said, self._changes = self._changes, []
        return [self._frame({"from": before, "changes": said})]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        u, bids, asks = self._u, list(self._bids.items()), list(self._asks.items())
        if past is not None:
            u, bids, asks = past.depth(10_000)
        crc = checksum(dict(bids), dict(asks))
        said = {"of": self._market.listing.symbol, "u": u, "bids": bids, "asks": asks, "crc": crc}
        return [_encode(said)]

    def _frame(self, said: dict[str, object]) -> bytes:
        crc = checksum(self._bids, self._asks)
        return _encode({"of": self._market.listing.symbol, "u": self._u, **said, "crc": crc})


class Beats(Publisher):
    hears = False

    def flush(self, now: int) -> list[bytes]:
        return [b'{"beat":%d}' % (now // NS_PER_S)]


def checksum(bids: Mapping[int, int], asks: Mapping[int, int]) -> int:
    return crc32(repr((sorted(bids.items())[-LEVELS:], sorted(asks.items())[:LEVELS])).encode())


def _whole(market: Market) -> tuple[int, dict[int, int], dict[int, int]]:
    bids, asks = market.depth(10_000)
    return market.update_id, dict(bids), dict(asks)


def _stamp(frame: bytes, number: int) -> bytes:
    return b'{"n":%d,' % number + frame[1:]


def _ids(payload: bytes) -> tuple[int | None, int | None]:
    found = msgspec.json.decode(payload)
    last = found.get("t", found.get("u"))
    first = found.get("from")
    return (last if first is None else first + 1), last


def _spoil(frame: bytes) -> bytes | None:
    head, mark, crc = frame.partition(b'"crc":')
    return head + mark + b"%d}" % (int(crc[:-1]) ^ 1) if mark else None


SPEECH = Speech(wrong=lambda _frame: b'{"of":["no"],"t":"soon"}', ids_of=_ids, spoil=_spoil)


class ToyConnection(Connection):
    def make_post(self, *, wraps: bool) -> Post:
        return NumberedPost(
            self._shared,
            self.number,
            _stamp,
            wraps=wraps,
            overflow=self._overflow,
            pinged=self._await_pong,
        )

    def begin(self, now: int) -> None:
        self.post.answer(b'{"status":"online"}')

    def obey(self, data: bytes | str, now: int) -> None:
        try:
            asked = msgspec.json.decode(data, type=dict[str, list[str]])
        except (msgspec.DecodeError, UnicodeError):
            self.post.answer(b'{"error":"what?"}')
            return
        found = [self._stream(name) for name in asked.get("ask", ())]
        streams = [each for each in found if each is not None and not self.refuses(each, now)]
        fresh = [stream for stream in streams if stream.name not in self.topics]
        for stream in streams:
            self._add(stream, now)
        if streams:
            self._add(BEAT, now)
        for name in asked.get("drop", ()):
            self.drop(name)
        got = [name for name in self.topics if name != BEAT.name]
        self.post.answer(_encode({"got": got}), self.lateness_s(streams, now))
        for stream in fresh:
            self.open_topic(self.topics[stream.name], now)

    def announce(self, fault: Fault, now: int) -> None:
        self.post.answer(_encode({"status": fault.kind}))

    def _stream(self, name: str) -> ToyStream | None:
        suffix, _, symbol = name.partition(" ")
        if symbol not in self._shared.world.markets or suffix not in ("trade", "book"):
            return None
        return ToyStream(name, symbol, suffix)

    def _add(self, stream: ToyStream, now: int) -> None:
        market = self._shared.world.markets.get(stream.symbol)

        def make() -> Publisher:
            if market is None:
                return Beats()
            return Trades() if stream.suffix == "trade" else Books(market)

        self.carry(stream, make, now)


class ToyTwin(VenueTwin):
    words = WORDS

    def __init__(self, world: World, faults: Faults, rules: Rules, rng: Random) -> None:
        super().__init__(world, faults, rules, SPEECH, rng)
        self.renames: list[tuple[str, str]] = []
        self._doors = Gates(lambda: Window(100))

    def knock(self, address: str, now: int) -> Answer | None:
        return None if self._doors.of(address).take(now) else self._said(429, {"error": "slower"})

    def about(self, target: str, on: str) -> tuple[str, str]:
        path, _, query = target.partition("?")
        return query.partition("of=")[2], path

    def accept(self, target: str, address: str, now: int) -> Connection | Answer:
        if target != "/socket":
            return self._said(404, {"error": "nothing here"})
        return ToyConnection(self._shared, address, target)

    def answer(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        symbol, _ = self.about(target, "rest")
        market = self.world.markets.get(symbol)
        if market is None:
            return self._said(404, {"error": "unknown"})
        u, bids, asks = _whole(market)
        return self._said(200, {"of": symbol, "u": u, "bids": list(bids.items()), "asks": list(asks.items())})

    def renamed(self, old: str, new: str, now: int) -> None:
        self.renames.append((old, new))

    def _said(self, status: int, body: dict[str, object]) -> Answer:
        return Answer(status, headers(self._shared.venue_now, "application/json"), _encode(body))


class ToyBench:
    """A toy venue of two lively symbols in time that goes when it is told."""

    def __init__(self, *plan: Fault, seed: int = 3, rules: Rules | None = None, rate: float = 20.0) -> None:
        listings = [
            replace(listing(base, "USDT"), symbol=f"{base}/USD", quote="USD", rate=rate)
            for base in ("BTC", "ETH")
        ]
        self.world = World(seed, START, listings)
        self.faults = Faults(plan, START, Random(seed))
        self.twin = ToyTwin(self.world, self.faults, rules or Rules(ping_every_s=0), Random(seed))
        self.now = START

    def run(self, until_s: float) -> ToyBench:
        self.now = START + round(until_s * NS_PER_S)
        self.twin.advance(self.now)
        return self

    def open(self, *names: str) -> tuple[Connection, NotingWire]:
        found = self.twin.upgrade("/socket", ADDRESS, self.now)
        assert isinstance(found, Connection), found
        wire = NotingWire(self.world)
        found.attach(wire, self.now)
        if names:
            self.ask(found, names)
        return found, wire

    def ask(self, connection: Connection, names: Iterable[str], word: str = "ask") -> None:
        connection.text(_encode({word: list(names)}), self.now)


class Reader:
    """A client that believes nothing: numbers without a hole, books that go on from their snapshot, right checksums.

    Attributes:
        wrongs: (what is wrong, of which frame by its number). books: by symbol: (bids, asks). trades: ids by symbol.
    """

    def __init__(self, frames: Iterable[bytes]) -> None:
        self.wrongs: list[tuple[str, int]] = []
        self.books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
        self.updates: dict[str, int] = {}
        self.trades: dict[str, list[int]] = {}
        self.beats = 0
        self.words: list[dict[str, object]] = []
        self._next = 0
        for frame in frames:
            self._read(frame)

    def _read(self, frame: bytes) -> None:
        said = msgspec.json.decode(frame)
        number = said.pop("n")
        if number != self._next:
            self.wrongs.append(("number", number))
        self._next = number + 1
        if "beat" in said:
            self.beats += 1
        elif "t" in said:
            self.trades.setdefault(said["of"], []).append(said["t"])
        elif "bids" in said:
            self.books[said["of"]] = (dict(map(_level, said["bids"])), dict(map(_level, said["asks"])))
            self.updates[said["of"]] = said["u"]
            if checksum(*self.books[said["of"]]) != said["crc"]:
                self.wrongs.append(("checksum", number))
        elif "changes" in said:
            self._change(said, number)
        else:
            self.words.append(said)

    def _change(self, said: dict[str, object], number: int) -> None:
        symbol = str(said["of"])
        if self.updates.get(symbol) != said["from"]:
            self.wrongs.append(("gap", number))
            return
        bids, asks = self.books[symbol]
        for bid, price, quantity in said["changes"]:  # type: ignore[attr-defined]  # a list, as the venue says it
            side = bids if bid else asks
            side[price] = quantity
            if not quantity:
                del side[price]
        self.updates[symbol] = said["u"]  # type: ignore[assignment]  # a number, as the venue says it
        if checksum(bids, asks) != said["crc"]:
            self.wrongs.append(("checksum", number))


def _level(pair: list[int]) -> Level:
    return pair[0], pair[1]
