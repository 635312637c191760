"""The books of one connection, kept so that their checksums can be proved; it reads no frames and sends nothing.

Kraken numbers no updates. Its proof is a CRC-32 of the ten best levels of each side after every message, over the very
text of the numbers; and it cuts each side to the subscribed depth without saying which levels dropped out.

Rules
  1. A book begins with its snapshot. Its depth is the one that the acknowledgement named; without one, or when the
     snapshot is deeper, the smallest depth that may be subscribed and holds the snapshot.
  2. Entries are taken in the order of the message: a price can stand there twice. Quantity 0 removes.
  3. After each message each side is cut to the depth. What drops out stands as a removal at the end of the delta, so
     whoever applies deltas needs to know nothing of depths.
  4. The checksum is over text: of each of the ten lowest asks, then of each of the ten highest bids, the price and the
     quantity without their point and without leading zeros. Trailing zeros count; a float would lose them.
  5. Where it does not match there is one doubt and no delta of that book until its next snapshot. A snapshot that does
     not match is given all the same, with its doubt behind it: there must be a book for the doubt to be about.
  6. An update of a book that never began here is given as it was said, unproven; nobody can stand on it.
  7. What is remembered is bounded: MOST_BOOKS books, of the levels that may be subscribed. A book too many is named.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from decimal import Decimal
from math import inf
from typing import Final
from zlib import crc32

from msgspec import Struct, ValidationError

from bethna.core.market import UNNUMBERED, BookDelta, BookSnapshot, InstrumentId, Level
from bethna.core.wire import BookDoubt, UnknownMessage, WireEvent
from bethna.venues.kraken.spec import DEPTHS, MOST_BOOKS, PROVEN

Entry = tuple[float, float, bytes]
"""Price, quantity, and what the checksum says of the level (rule 4); empty when the level is removed."""

LONGEST_NUMBER: Final = 40
MOST_LEVELS: Final = DEPTHS[-1]


def entry(price_text: bytes, quantity_text: bytes) -> Entry:
    """A level from the text of its two JSON numbers. Raises ValidationError unless 0 < price and 0 <= quantity."""
    try:
        price, quantity = float(price_text), float(quantity_text)
    except ValueError as error:
        raise ValidationError(f"expected two numbers, found {_shown(price_text, quantity_text)}") from error
    long = len(price_text) > LONGEST_NUMBER or len(quantity_text) > LONGEST_NUMBER
    if long or not (0.0 < price < inf and 0.0 <= quantity < inf):
        raise ValidationError(
            f"expected a price above 0 and a quantity of at least 0, both finite and of at most {LONGEST_NUMBER} "
            f"characters, found {_shown(price_text, quantity_text)}"
        )
    if not quantity:
        return price, 0.0, b""
    return price, quantity, _digits(price_text) + _digits(quantity_text)


def _shown(price_text: bytes, quantity_text: bytes) -> str:
    return f"{bytes(price_text[:LONGEST_NUMBER])!r} and {bytes(quantity_text[:LONGEST_NUMBER])!r}"


def _digits(text: bytes) -> bytes:
    """Rule 4, for one number. An exponent is not how the venue writes books, but it would be the same number."""
    if b"e" in text or b"E" in text:
        text = format(Decimal(text.decode()), "f").encode()
    return text.replace(b".", b"").lstrip(b"0")


class Levels(Struct, gc=False):
    """What a message says of one book, read and found sound."""

    symbol: str
    instrument: InstrumentId
    bids: list[Entry]
    asks: list[Entry]
    checksum: int | None
    ts_event: int | None


def best_first(levels: Levels) -> Levels:
    """The same. Raises ValidationError unless it can be a whole book: best first, each price once, nothing empty."""
    for side, rising in (("bids", levels.bids[::-1]), ("asks", levels.asks)):
        if len(rising) > MOST_LEVELS:
            raise ValidationError(f"expected at most {MOST_LEVELS} {side}, found {len(rising)}")
        last = 0.0
        for price, quantity, _ in rising:
            if price <= last or not quantity:
                raise ValidationError(f"expected {side} best first with quantities, found them otherwise")
            last = price
    return levels


class Side:
    """One side of a book: what the checksum says of each price, and the prices in rising order."""

    __slots__ = ("pieces", "prices")

    def __init__(self, rising: Sequence[Entry]) -> None:
        self.pieces = {price: piece for price, _, piece in rising}
        self.prices = [price for price, _, _ in rising]

    def change(self, entries: Sequence[Entry]) -> None:
        """Rule 2."""
        pieces, prices = self.pieces, self.prices
        for price, quantity, piece in entries:
            if quantity:
                if price not in pieces:
                    insort(prices, price)
                pieces[price] = piece
            elif price in pieces:
                del pieces[price]
                del prices[bisect_left(prices, price)]

    def cut(self, worst: slice) -> list[Level]:
        """Rule 3: the removals of the prices in `worst`."""
        dropped = self.prices[worst]
        del self.prices[worst]
        for price in dropped:
            del self.pieces[price]
        return [(price, 0.0) for price in dropped]


class CheckedBook:
    """One book to its depth, as the venue has it if the checksums hold; `newest` is the latest time it was said of."""

    __slots__ = ("asks", "bids", "depth", "newest")

    def __init__(self, levels: Levels, depth: int) -> None:
        self.bids = Side(levels.bids[::-1])
        self.asks = Side(levels.asks)
        self.depth = depth
        self.newest = levels.ts_event

    def change(self, levels: Levels) -> tuple[list[Level], list[Level]]:
        """Take one message; the bids and the asks of its delta (rules 2 and 3)."""
        bids = [(price, quantity) for price, quantity, _ in levels.bids]
        asks = [(price, quantity) for price, quantity, _ in levels.asks]
        if bids:
            side = self.bids
            side.change(levels.bids)
            over = len(side.prices) - self.depth
            if over > 0:
                bids += side.cut(slice(0, over))
        if asks:
            side = self.asks
            side.change(levels.asks)
            if len(side.prices) > self.depth:
                asks += side.cut(slice(self.depth, None))
        return bids, asks

    def checksum(self) -> int:
        """Rule 4."""
        bids, asks = self.bids, self.asks
        piece_of_bid, piece_of_ask = bids.pieces.__getitem__, asks.pieces.__getitem__
        text = b"".join(map(piece_of_ask, asks.prices[:PROVEN]))
        return crc32(text + b"".join(map(piece_of_bid, bids.prices[: -PROVEN - 1 : -1])))


class Books:
    """The books of connection `number`, by the venue's symbols."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._books: dict[str, CheckedBook | None] = {}  # None: in doubt (rule 5)
        self._depths: dict[str, int] = {}

    def subscribed(self, symbol: str, depth: int | None) -> None:
        """The venue acknowledged a book, and maybe said how deep (rule 1)."""
        if depth in DEPTHS and (symbol in self._depths or len(self._depths) < MOST_BOOKS):
            self._depths[symbol] = depth
            book = self._books.get(symbol)
            if book is not None:
                book.depth = depth

    def unsubscribed(self, symbol: str) -> None:
        """Its book is not heard any more."""
        self._books.pop(symbol, None)
        self._depths.pop(symbol, None)

    def depth_of(self, symbol: str) -> int | None:
        """As acknowledged, None where it was not."""
        return self._depths.get(symbol)

    def newest(self, symbol: str, ts_event: int | None) -> int | None:
        """The latest time that was said of a book, `ts_event` included; None before any."""
        book = self._books.get(symbol)
        if book is None:
            return ts_event
        if book.newest is None or (ts_event is not None and ts_event > book.newest):
            book.newest = ts_event
        return book.newest

    def begin(self, levels: Levels, ts_recv: int) -> list[WireEvent]:
        """A book that passed `best_first`, as its snapshot."""
        symbol = levels.symbol
        if symbol not in self._books and len(self._books) >= MOST_BOOKS:  # rule 7
            return [UnknownMessage(f"book beyond {MOST_BOOKS} of a connection", symbol[:80])]
        book = self._books[symbol] = CheckedBook(levels, self._depth(levels))
        bids = [(price, quantity) for price, quantity, _ in levels.bids]
        asks = [(price, quantity) for price, quantity, _ in levels.asks]
        events: list[WireEvent] = [
            BookSnapshot(
                instrument=levels.instrument,
                last_id=UNNUMBERED,
                bids=bids,
                asks=asks,
                ts_recv=ts_recv,
                limit=max(len(bids), len(asks)) + 1,
                ts_event=levels.ts_event,
                epoch=self._number,
                proven=PROVEN,
            )
        ]
        if levels.checksum is not None and (found := book.checksum()) != levels.checksum:
            events.append(self._doubt(levels, found, ts_recv))
        return events

    def change(self, levels: Levels, ts_recv: int) -> list[WireEvent]:
        """An update as its delta; a doubt where it does not prove; nothing while in doubt, or without any time."""
        symbol, ts_event = levels.symbol, levels.ts_event
        try:
            book = self._books[symbol]
        except KeyError:  # rule 6
            bids = [(price, quantity) for price, quantity, _ in levels.bids]
            asks = [(price, quantity) for price, quantity, _ in levels.asks]
        else:
            if book is None:
                return []
            bids, asks = book.change(levels)
            if levels.checksum is not None and (found := book.checksum()) != levels.checksum:
                return [self._doubt(levels, found, ts_recv)]
        if ts_event is None:
            return []
        number = self._number
        return [BookDelta(levels.instrument, UNNUMBERED, UNNUMBERED, bids, asks, ts_event, ts_recv, number)]

    def _doubt(self, levels: Levels, found: int, ts_recv: int) -> BookDoubt:
        """Rule 5."""
        self._books[levels.symbol] = None
        reason = f"the book's checksum is wrong: expected {levels.checksum}, found {found}"
        return BookDoubt(levels.instrument, reason, ts_recv, self._number)

    def _depth(self, levels: Levels) -> int:
        """Rule 1."""
        most = max(len(levels.bids), len(levels.asks))
        told = self._depths.get(levels.symbol, 0)
        return told if told and told >= most else next(depth for depth in DEPTHS if depth >= most)
