"""What each channel says: steps of the market go in, notifications come out; who listens is not its matter.

Rules
  1. Trades come in one notification an instrument, ascending by `trade_seq`, each once.
  2. A book opens with a snapshot; what follows states each level that differs from what was said last, with
     `prev_change_id` the `change_id` said last. Nothing changed: nothing is said.
  3. A grouped book is complete each time and has no type; prices are those of the groups, bids downwards, asks upwards.
  4. Tickers and quotes are said when they differ from what was said last, apart from their time.
  5. What has expired says nothing more.
"""

from __future__ import annotations

from collections.abc import Callable

from bethna.core.clock import NS_PER_MS
from bethna.twins.deribit import charts
from bethna.twins.deribit.contracts import ALL, Contract
from bethna.twins.deribit.deals import Deal
from bethna.twins.deribit.exchange import Exchange
from bethna.twins.deribit.perpetual import Perpetual
from bethna.twins.deribit.speech import notification
from bethna.twins.deribit.streams import Channel
from bethna.twins.deribit.text import NULL, number
from bethna.twins.line import publisher as line
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.facts import UNIT, Step
from bethna.twins.market.market import Level, Market


class Publisher(line.Publisher):
    """One channel."""

    def __init__(self, channel: Channel, exchange: Exchange) -> None:
        self.channel = channel
        self.exchange = exchange
        self.hears = bool(channel.symbol) and exchange.contracts[channel.symbol].kind == "future"
        self._before, self._behind = notification(channel.name)

    def said(self, data: bytes) -> bytes:
        """A notification."""
        return self._before + data + self._behind


class Trades(Publisher):
    """`trades.<instrument>.<pace>` and `trades.<kind>.<currency>.<pace>` (rule 1)."""

    def __init__(self, channel: Channel, exchange: Exchange) -> None:
        super().__init__(channel, exchange)
        self.hears = False
        self._told = {each: each.deals.seq for each in self._contracts()}

    def flush(self, now: int) -> list[bytes]:
        """What was traded since."""
        found = []
        for contract in self._contracts():
            deals = contract.deals.after(self._told.get(contract, 0))
            if deals:
                self._told[contract] = deals[-1].seq
                found.append(self.said(traded(deals)))
        for gone in [each for each in self._told if not each.live]:
            del self._told[gone]  # rule 5
        return found

    def _contracts(self) -> list[Contract]:
        if self.channel.symbol:
            contract = self.exchange.contracts.get(self.channel.symbol)
            return [contract] if contract else []
        kind, _, currency = self.channel.of.partition(".")
        return self.exchange.of(currency, kind)


class Books(Publisher):
    """`book.<instrument>.<pace>` (rule 2): the book as it was last said, and what has been touched since."""

    def __init__(self, channel: Channel, contract: Contract, exchange: Exchange) -> None:
        super().__init__(channel, exchange)
        self._contract = contract
        self._name = contract.name.encode()
        self._update = contract.update
        bids, asks = contract.depth(ALL)
        self._bids, self._asks = dict(bids), dict(asks)
        self._touched: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Gather."""
        bids, asks = self._touched
        for change in step.changes:
            if change.bid:
                bids[change.price] = change.quantity
            else:
                asks[change.price] = change.quantity
        return []

    def flush(self, now: int) -> list[bytes]:
        """Say what differs."""
        contract = self._contract
        if contract.update == self._update or not contract.live:
            return []
        bids, asks = self._touched if self.hears else self._compared()
        of_bids = _changes(contract, self._bids, sorted(bids.items(), reverse=True))
        of_asks = _changes(contract, self._asks, sorted(asks.items()))
        bids.clear()
        asks.clear()
        if not of_bids and not of_asks:
            return []
        before, self._update = self._update, contract.update
        data = (
            b'{"timestamp":%d,"type":"change","change_id":%d,"instrument_name":"%b","bids":[%b],"asks":[%b],'
            b'"prev_change_id":%d}'
        ) % (
            now // NS_PER_MS,
            contract.change_id(self._update),
            self._name,
            of_bids,
            of_asks,
            contract.change_id(before),
        )
        return [self.said(data)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The snapshot."""
        update, bids, asks = (
            self._update,
            sorted(self._bids.items(), reverse=True),
            sorted(self._asks.items()),
        )
        if past is not None:
            update, bids, asks = past.depth(ALL)
        data = (
            b'{"timestamp":%d,"type":"snapshot","change_id":%d,"instrument_name":"%b","bids":[%b],"asks":[%b]}'
        ) % (
            now // NS_PER_MS,
            self._contract.change_id(update),
            self._name,
            _stated(self._contract, b"new", bids),
            _stated(self._contract, b"new", asks),
        )
        return [self.said(data)]

    def _compared(self) -> tuple[dict[int, int], dict[int, int]]:
        """All levels that are or were there, with their quantity now."""
        bids, asks = self._contract.depth(ALL)
        return dict.fromkeys(self._bids, 0) | dict(bids), dict.fromkeys(self._asks, 0) | dict(asks)


class GroupedBooks(Publisher):
    """`book.<instrument>.<group>.<depth>.<pace>` (rule 3)."""

    def __init__(self, channel: Channel, contract: Contract, exchange: Exchange) -> None:
        super().__init__(channel, exchange)
        self.hears = False
        self._contract = contract
        self._said = self._body()

    def flush(self, now: int) -> list[bytes]:
        """The book, when what is shown of it changed."""
        body = self._body()
        if body == self._said or not self._contract.live:
            return []
        self._said = body
        return self.opening(now)

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The book."""
        contract = self._contract
        update, body = contract.update, self._body()
        if past is not None:
            update, bids, asks = past.depth(ALL)
            body = self._text(bids, asks)
        data = b'{"timestamp":%d,"instrument_name":"%b","change_id":%d,%b}' % (
            now // NS_PER_MS,
            contract.name.encode(),
            contract.change_id(update),
            body,
        )
        return [self.said(data)]

    def _body(self) -> bytes:
        return self._text(*self._contract.depth(ALL if self.channel.group else self.channel.depth))

    def _text(self, bids: list[Level], asks: list[Level]) -> bytes:
        contract, depth, group = self._contract, self.channel.depth, self.channel.group
        if group and isinstance(contract, Perpetual):
            ticks = max(1, group * UNIT // contract.market.listing.tick)
            bids = grouped(bids, ticks, up=False)
            asks = grouped(asks, ticks, up=True)
        return b'"bids":[%b],"asks":[%b]' % (contract.levels(bids[:depth]), contract.levels(asks[:depth]))


class Tickers(Publisher):
    """`ticker.<instrument>.<pace>` (rule 4)."""

    def __init__(self, channel: Channel, contract: Contract, exchange: Exchange) -> None:
        super().__init__(channel, exchange)
        self.hears = False
        self._contract = contract
        self._said = _untimed(contract.ticker(exchange.now))

    def flush(self, now: int) -> list[bytes]:
        """What it is, when it changed."""
        if not self._contract.live:
            return []
        found = self._contract.ticker(now)
        body = _untimed(found)
        if body == self._said:
            return []
        self._said = body
        return [self.said(b"{%b}" % found)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """What it is."""
        return [self.said(b"{%b}" % self._contract.ticker(now))]


class Quotes(Publisher):
    """`quote.<instrument>` (rule 4)."""

    def __init__(self, channel: Channel, contract: Contract, exchange: Exchange) -> None:
        super().__init__(channel, exchange)
        self._contract = contract
        self._name = contract.name.encode()
        self._said = contract.best()

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """The best prices and amounts, when one of them changed."""
        return [self._quote(step.ts)] if step.best_changed else []

    def flush(self, now: int) -> list[bytes]:
        """Likewise, of an option."""
        best = self._contract.best()
        if best == self._said or not self._contract.live:
            return []
        self._said = best
        return [self._quote(now)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The quote."""
        return [self._quote(now)]

    def _quote(self, now: int) -> bytes:
        contract = self._contract
        bid, ask = contract.best()
        data = (
            b'{"timestamp":%d,"instrument_name":"%b","best_bid_price":%b,"best_bid_amount":%b,"best_ask_price":%b,'
            b'"best_ask_amount":%b}'
        ) % (
            now // NS_PER_MS,
            self._name,
            contract.price(bid[0]) if bid else NULL,
            contract.amount(bid[1]) if bid else NULL,
            contract.price(ask[0]) if ask else NULL,
            contract.amount(ask[1]) if ask else NULL,
        )
        return self.said(data)


class Each(Publisher):
    """What is said of a currency, an instrument or the venue once in a while: whatever a function finds to say."""

    def __init__(
        self, channel: Channel, exchange: Exchange, find: Callable[[int], list[bytes]], *, opens: bool = True
    ) -> None:
        super().__init__(channel, exchange)
        self.hears = False
        self._find = find
        self._opens = opens

    def flush(self, now: int) -> list[bytes]:
        """What there is to say."""
        return [self.said(data) for data in self._find(now)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The same at once, where it has a state rather than events."""
        return self.flush(now) if self._opens else []


def publisher(channel: Channel, exchange: Exchange) -> Publisher | None:
    """Who speaks for a channel; None where nothing is ever said of itself."""
    contract = exchange.contracts.get(channel.symbol)
    match channel.kind:
        case "trades" | "trades_of":
            return Trades(channel, exchange)
        case "price_index" | "volatility_index" | "mark_prices" | "expiration_price" | "states":
            return _of_currency(channel, exchange)
        case _:
            pass
    if contract is None:
        return None
    match channel.kind:
        case "book":
            return Books(channel, contract, exchange)
        case "grouped":
            return GroupedBooks(channel, contract, exchange)
        case "ticker":
            return Tickers(channel, contract, exchange)
        case "quote":
            return Quotes(channel, contract, exchange)
        case "chart":
            return Each(channel, exchange, charts.Running(contract, channel.resolution).find, opens=False)
        case _:
            return Each(channel, exchange, lambda now: _funding(contract, now))


def _of_currency(channel: Channel, exchange: Exchange) -> Publisher | None:
    currency = channel.of
    name = f"{currency.lower()}_usd".encode()

    def index(now: int) -> list[bytes]:
        price = number(exchange.index_price(currency) or 0.0)
        return [b'{"timestamp":%d,"price":%b,"index_name":"%b"}' % (now // NS_PER_MS, price, name)]

    if channel.kind == "price_index":
        return Each(channel, exchange, index)
    if channel.kind == "states":
        kind, _, currency = currency.partition(".")
        return _states(channel, exchange, currency) if kind in ("option", "any") else None
    desk = exchange.desks.get(currency)
    if desk is None:
        return None

    def volatility(now: int) -> list[bytes]:
        level = number(desk.volatility_index())
        return [b'{"timestamp":%d,"volatility":%b,"index_name":"%b"}' % (now // NS_PER_MS, level, name)]

    def marks(_now: int) -> list[bytes]:
        return [b"[%b]" % b",".join([option.marked() for option in desk.listed()])]

    def settlement(now: int) -> list[bytes]:
        price = number(exchange.index_price(currency) or 0.0)
        left = (min(option.terms.expiry for option in desk.listed()) - now) // (1000 * NS_PER_MS)
        return [b'{"seconds":%d,"price":%b,"is_estimated":false}' % (left, price)]

    find = {"volatility_index": volatility, "mark_prices": marks, "expiration_price": settlement}
    return Each(channel, exchange, find[channel.kind])


def _states(channel: Channel, exchange: Exchange, currency: str) -> Publisher | None:
    desk = exchange.desks.get(currency)
    if desk is None:
        return None
    told = desk.count

    def events(_now: int) -> list[bytes]:
        nonlocal told
        fresh = [event.text for event in desk.events if event.number > told]
        told = desk.count
        return fresh

    return Each(channel, exchange, events, opens=False)


def _funding(contract: Contract, now: int) -> list[bytes]:
    if not isinstance(contract, Perpetual):
        return []
    index, mark = contract.index_price(), contract.mark_price()
    return [
        b'{"timestamp":%d,"interest":%b,"index_price":%b}'
        % (now // NS_PER_MS, number(round((mark - index) / index, 8)), number(index))
    ]


def traded(deals: list[Deal]) -> bytes:
    """An array of trades."""
    return b"[%b]" % b",".join([deal.text for deal in deals])


def grouped(levels: list[Level], ticks: int, *, up: bool) -> list[Level]:
    """Levels summed up in groups of so many ticks, best first (rule 3)."""
    sums: dict[int, int] = {}
    for price, quantity in levels:
        group = -(-price // ticks) * ticks if up else price // ticks * ticks
        sums[group] = sums.get(group, 0) + quantity
    return list(sums.items())


def _untimed(ticker: bytes) -> bytes:
    return ticker.partition(b",")[2]


def _changes(contract: Contract, said: dict[int, int], now: list[Level]) -> bytes:
    """Levels that differ from what was said, which they then are (rule 2)."""
    found = []
    for ticks, lots in now:
        before = said.get(ticks, 0)
        if lots == before:
            continue
        if lots:
            said[ticks] = lots
            action = b"change" if before else b"new"
        else:
            del said[ticks]
            action = b"delete"
        found.append(b'["%b",%b,%b]' % (action, contract.price(ticks), contract.amount(lots)))
    return b",".join(found)


def _stated(contract: Contract, action: bytes, levels: list[Level]) -> bytes:
    return b",".join(
        [b'["%b",%b,%b]' % (action, contract.price(ticks), contract.amount(lots)) for ticks, lots in levels]
    )
