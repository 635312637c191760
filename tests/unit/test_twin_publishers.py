"""What each stream of the twin says, held against the truth of its market."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance.frames import combined
from bethna.twins.binance.publishers import LAG_NS, Publisher, publisher
from bethna.twins.binance.streams import parse
from bethna.twins.market.bars import DAY, MINUTE
from bethna.twins.market.catalogue import listing
from bethna.twins.market.facts import UNIT, Bar, Execution, Listing, Step
from bethna.twins.market.market import Market
from bethna.twins.market.truth import Truth
from bethna.twins.market.world import World

START = 1_790_000_000 * NS_PER_S + 700 * NS_PER_MS
BTC = replace(listing("BTC", "USDT"), rate=60.0)
QUIET = replace(listing("NKN", "USDT"), rate=0.5)
HALTED = listing("MATIC", "USDT")
Said = tuple[int, dict[str, Any]]


class Room:
    """A world with publishers that are pushed as a venue pushes them."""

    def __init__(
        self, *names: str, listings: Iterable[Listing] = (BTC, QUIET, HALTED), seed: int = 5
    ) -> None:
        self.world = World(seed, START, tuple(listings))
        self.truth = Truth(self.world)
        self.said: dict[str, list[Said]] = {}
        self.publishers: list[Publisher] = []
        self.world.listen(self._hear)
        for name in names:
            self.subscribe(name)

    def subscribe(self, name: str, *, microseconds: bool = False) -> None:
        stream = parse(name)
        assert stream is not None
        made = publisher(stream, self.world, microseconds=microseconds)
        assert made is not None
        self.publishers.append(made)
        self.said[name] = []

    def run(self, until_s: float) -> Room:
        end = START + round(until_s * NS_PER_S)
        step = 100 * NS_PER_MS
        due = -(-(self.world.now + 1) // step) * step
        while due <= end:
            self.world.advance(due)
            for each in self.publishers:
                if each.stream.every_ns and due % each.stream.every_ns == 0:
                    self._note(each, each.flush(due))
            due += step
        self.world.advance(end)
        return self

    def _hear(self, market: Market, step: Step) -> None:
        for each in self.publishers:
            if each.stream.symbol in ("", market.listing.symbol):
                self._note(each, each.hear(market, step))

    def _note(self, each: Publisher, payloads: list[bytes]) -> None:
        for payload in payloads:
            assert payload == msgspec.json.format(payload, indent=-1), "no spaces, no line ends"
            self.said[each.stream.name].append((self.world.now, msgspec.json.decode(payload)))

    def payloads(self, name: str) -> list[dict[str, Any]]:
        return [payload for _, payload in self.said[name]]

    def arrays(self, name: str) -> list[list[dict[str, Any]]]:
        found: list[Any] = [payload for _, payload in self.said[name]]
        return found


def units(said: str) -> int:
    whole, _, part = said.partition(".")
    assert len(part) == 8
    return int(whole) * UNIT + int(part)


def price(each: Execution, listed: Listing = BTC) -> int:
    return each.price * listed.tick


def levels(rows: list[list[str]], listed: Listing) -> list[tuple[int, int]]:
    found = [(units(p), units(q)) for p, q in rows]
    assert all(p % listed.tick == 0 and q % listed.lot == 0 for p, q in found)
    return [(p // listed.tick, q // listed.lot) for p, q in found]


def test_trades_are_the_executions_with_their_ids() -> None:
    room = Room("btcusdt@trade").run(20)
    executions = room.truth.executions["BTCUSDT"]
    assert len(executions) > 100
    assert [
        (d["t"], units(d["p"]), units(d["q"]), d["T"] * NS_PER_MS, d["m"])
        for d in room.payloads("btcusdt@trade")
    ] == [(x.trade_id, price(x), x.quantity * BTC.lot, x.ts, x.buyer_is_maker) for x in executions]
    assert list(room.payloads("btcusdt@trade")[0]) == list("eEstpqTmM")
    for now, d in room.said["btcusdt@trade"]:
        assert (d["e"], d["s"], d["M"]) == ("trade", "BTCUSDT", True)
        assert d["E"] == (now + LAG_NS) // NS_PER_MS


def test_aggregates_are_one_order_at_one_price_with_ids_of_their_own() -> None:
    room = Room("btcusdt@aggTrade").run(60)
    inside: dict[tuple[int, int], list[Execution]] = {}
    for each in room.truth.executions["BTCUSDT"]:
        inside.setdefault((each.order, each.price), []).append(each)
    said = room.payloads("btcusdt@aggTrade")
    assert list(said[0]) == list("eEsapqflTmM")
    assert [(d["f"], d["l"], units(d["p"]), units(d["q"])) for d in said] == [
        (group[0].trade_id, group[-1].trade_id, price(group[0]), sum(x.quantity for x in group) * BTC.lot)
        for group in inside.values()
    ]
    assert any(d["l"] > d["f"] for d in said)
    assert len({x.order for x in room.truth.executions["BTCUSDT"]}) < len(said), "no order met two prices"
    assert [d["a"] for d in said] == list(range(said[0]["a"], said[0]["a"] + len(said)))


def test_book_tickers_are_the_best_of_the_book_and_never_the_same_twice() -> None:
    room = Room("btcusdt@bookTicker").run(20)
    said = room.payloads("btcusdt@bookTicker")
    assert list(said[0]) == list("usbBaA")
    before: tuple[str, ...] = ()
    for d in said:
        bids, asks = room.truth.book("BTCUSDT", d["u"])
        assert [bids[0], asks[0]] == levels([[d["b"], d["B"]], [d["a"], d["A"]]], BTC)
        assert before != (before := (d["b"], d["B"], d["a"], d["A"]))
    ids = [d["u"] for d in said]
    assert ids == sorted(set(ids))
    changed = sum(
        [side[:1] for side in room.truth.book("BTCUSDT", one)]
        != [side[:1] for side in room.truth.book("BTCUSDT", other)]
        for one, other in _steps(room)[:300]
    )
    assert changed == sum(d["u"] <= _steps(room)[:300][-1][1] for d in said)


def _steps(room: Room) -> list[tuple[int, int]]:
    ids = [room.truth.books["BTCUSDT"].first_id]
    ids += [instant.update_id for instant in room.truth.instants["BTCUSDT"]]
    return list(pairwise(ids))


@pytest.mark.parametrize(("suffix", "step_ms"), [("", 1000), ("@100ms", 100), ("@1000ms", 1000)])
def test_rule_3_diffs_chain_and_rebuild_the_book(suffix: str, step_ms: int) -> None:
    names = (f"btcusdt@depth{suffix}", f"nknusdt@depth{suffix}")
    room = Room(*names)
    books = {
        name: [dict(side) for side in market.depth(10**6)] for name, market in room.world.markets.items()
    }
    ids = {name: market.update_id for name, market in room.world.markets.items()}
    room.run(30)
    for name in names:
        for now, d in room.said[name]:
            assert list(d) == ["e", "E", "s", "U", "u", "b", "a"]
            listed = room.world.markets[d["s"]].listing
            assert now % (step_ms * NS_PER_MS) == 0
            assert d["E"] * NS_PER_MS == now
            assert d["U"] == ids[d["s"]] + 1 <= d["u"]
            ids[d["s"]] = d["u"]
            for book, rows, sign in zip(books[d["s"]], (d["b"], d["a"]), (-1, 1), strict=True):
                found = levels(rows, listed)
                assert [p for p, _ in found] == sorted({p for p, _ in found}, key=lambda p: sign * p)
                book.update(found)
            sides = [{p: q for p, q in book.items() if q} for book in books[d["s"]]]
            assert sides == [dict(side) for side in room.truth.book(d["s"], d["u"])]
    assert 0 < len(room.said[names[1]]) < 30_000 / step_ms, "silence when nothing changed"


def test_rule_3_a_diff_that_begins_late_continues_from_the_snapshot() -> None:
    room = Room().run(3.05)
    known = room.world.markets["BTCUSDT"].update_id
    room.subscribe("btcusdt@depth@100ms")
    room.run(5)
    assert room.payloads("btcusdt@depth@100ms")[0]["U"] == known + 1


@pytest.mark.parametrize("count", [5, 10, 20])
def test_rule_3_partial_books_go_with_the_diff_and_have_its_id(count: int) -> None:
    name = f"btcusdt@depth{count}@100ms"
    room = Room("btcusdt@depth@100ms", name).run(10)
    assert [now for now, _ in room.said[name]] == [now for now, _ in room.said["btcusdt@depth@100ms"]]
    for partial, diff in zip(room.payloads(name), room.payloads("btcusdt@depth@100ms"), strict=True):
        assert list(partial) == ["lastUpdateId", "bids", "asks"]
        assert partial["lastUpdateId"] == diff["u"]
        bids, asks = room.truth.book("BTCUSDT", diff["u"])
        assert levels(partial["bids"], BTC) == bids[:count]
        assert levels(partial["asks"], BTC) == asks[:count]


def as_bar(k: dict[str, Any], listed: Listing) -> Bar:
    def first(key: str) -> int | None:
        return None if k[key] == -1 else int(k[key])

    return Bar(
        k["t"] * NS_PER_MS,
        units(k["o"]) // listed.tick,
        units(k["h"]) // listed.tick,
        units(k["l"]) // listed.tick,
        units(k["c"]) // listed.tick,
        units(k["v"]) // listed.lot,
        units(k["q"]),
        k["n"],
        units(k["V"]) // listed.lot,
        units(k["Q"]),
        first("f"),
        first("L"),
    )


def cut(bar: Bar) -> Bar:
    """As the wire has it: turnovers in units of 1e-8."""
    return replace(bar, quote_volume=bar.quote_volume // UNIT, taker_buy_quote=bar.taker_buy_quote // UNIT)


@pytest.mark.parametrize(("name", "length_ns"), [("1s", NS_PER_S), ("1m", MINUTE), ("3m", 3 * MINUTE)])
def test_rule_4_closed_candles_come_once_each_in_a_row_and_equal_the_truth(name: str, length_ns: int) -> None:
    room = Room(f"btcusdt@kline_{name}", f"nknusdt@kline_{name}").run(400)
    every_ns = NS_PER_S if name == "1s" else 2 * NS_PER_S
    for stream, listed in ((f"btcusdt@kline_{name}", BTC), (f"nknusdt@kline_{name}", QUIET)):
        truth = room.truth.candles(listed.symbol, length_ns)
        closed = []
        for now, d in room.said[stream]:
            k = d["k"]
            assert list(d) == ["e", "E", "s", "k"]
            assert list(k) == list("tTsifLochlvnxqVQB")
            assert (d["E"] * NS_PER_MS, now % every_ns) == (now, 0)
            assert (k["s"], k["i"], k["B"]) == (listed.symbol, name, "0")
            assert k["T"] == k["t"] + length_ns // NS_PER_MS - 1
            if k["x"]:
                assert k["T"] < d["E"] <= k["T"] + every_ns // NS_PER_MS
                closed.append(as_bar(k, listed))
            else:
                assert k["t"] <= d["E"] <= k["T"]
                assert k["n"] > 0
        opens = [bar.open_time for bar in closed]
        assert opens == list(range(opens[0], opens[-1] + 1, length_ns))
        assert opens[0] == max(min(truth), START // length_ns * length_ns)
        assert {bar.open_time: bar for bar in closed if bar.trades} == {
            each: cut(bar) for each, bar in truth.items() if each <= opens[-1]
        }
        empty = [bar for bar in closed if not bar.trades]
        if name == "1s":
            assert empty, "no empty candle was seen"
        for bar in empty:
            assert (bar.first_id, bar.last_id, bar.volume) == (None, None, 0)
            assert bar.open == bar.high == bar.low == bar.close


def test_rule_4_an_open_candle_is_told_when_it_got_trades() -> None:
    room = Room("nknusdt@kline_1m", "nknusdt@trade").run(120)
    traded = {-(-now // (2 * NS_PER_S)) for now, _ in room.said["nknusdt@trade"]}
    told = {now // (2 * NS_PER_S) for now, d in room.said["nknusdt@kline_1m"] if not d["k"]["x"]}
    assert told <= traded
    assert len(traded - told) <= 3, "a candle that closes at that instant may swallow its last trades"


def test_candles_of_the_east_open_at_16_utc() -> None:
    room = Room("btcusdt@kline_1d@+08:00").run(5)
    k = room.payloads("btcusdt@kline_1d@+08:00")[-1]["k"]
    assert (k["t"] * NS_PER_MS + DAY // 3) % DAY == 0
    assert (k["T"] - k["t"], k["i"]) == (86_399_999, "1d")


def test_rule_2_tickers_state_the_day_and_are_silent_when_it_did_not_change() -> None:
    room = Room("nknusdt@ticker", "nknusdt@miniTicker", "btcusdt@ticker").run(60)
    executions = room.truth.executions["BTCUSDT"]
    now, d = room.said["btcusdt@ticker"][-1]
    known = [x for x in executions if x.ts <= now]
    assert list(d) == list("eEspPwxcQbBaAohlvqOCFLn")
    assert (d["e"], d["E"] * NS_PER_MS, d["C"], d["O"]) == ("24hrTicker", now, d["E"], d["C"] - 86_400_000)
    assert (d["F"], d["L"], d["n"]) == (known[0].trade_id, known[-1].trade_id, len(known))
    assert (units(d["o"]), units(d["c"])) == (price(known[0]), price(known[-1]))
    assert (units(d["h"]), units(d["l"])) == (max(map(price, known)), min(map(price, known)))
    assert units(d["Q"]) == known[-1].quantity * BTC.lot
    volume = sum(x.quantity for x in known) * BTC.lot
    turnover = sum(price(x) * x.quantity for x in known) * BTC.lot
    assert (units(d["v"]), units(d["q"]), units(d["w"])) == (volume, turnover // UNIT, turnover // volume)
    assert d["x"] == "0.00000000", "nothing was traded before"
    assert float(d["P"]) == pytest.approx(100 * float(d["p"]) / float(d["o"]), abs=0.0005)
    assert float(d["p"]) == pytest.approx(float(d["c"]) - float(d["o"]))
    bids, asks = room.truth.book("BTCUSDT", _last_id(room, now))
    assert [bids[0], asks[0]] == levels([[d["b"], d["B"]], [d["a"], d["A"]]], BTC)
    mini = room.payloads("nknusdt@miniTicker")
    assert list(mini[0]) == list("eEscohlvq")
    assert 0 < len(mini) < len(room.payloads("nknusdt@ticker")) <= 60, "a mini ticker has no quotes"
    for one, other in pairwise(mini):
        assert {key for key in one if one[key] != other[key]} > {"E"}


def _last_id(room: Room, now: int) -> int:
    instant = room.truth.last_before("BTCUSDT", now)
    assert instant is not None
    return instant.update_id


def test_rule_2_arrays_hold_those_that_changed() -> None:
    room = Room("!miniTicker@arr", "nknusdt@miniTicker", "btcusdt@miniTicker", "!ticker_1h@arr").run(30)
    single = {
        (d["s"], d["E"]): d for name in ("nknusdt", "btcusdt") for d in room.payloads(f"{name}@miniTicker")
    }
    arrays = room.arrays("!miniTicker@arr")
    assert {(d["s"], d["E"]): d for array in arrays for d in array} == single
    assert any(len(array) == 1 for array in arrays)
    assert all(array for array in arrays)
    hourly = room.arrays("!ticker_1h@arr")[-1]
    assert list(hourly[0]) == list("eEspPohlcwvqOCFLn")
    assert (hourly[0]["e"], hourly[0]["O"] % 60_000) == ("1hTicker", 0)
    assert 3_600_000 <= hourly[0]["C"] - hourly[0]["O"] < 3_660_000


def test_average_prices_are_those_of_five_minutes() -> None:
    room = Room("btcusdt@avgPrice").run(400)
    now, d = room.said["btcusdt@avgPrice"][-1]
    assert list(d) == list("eEsiwT")
    inside = [x for x in room.truth.executions["BTCUSDT"] if now - 5 * MINUTE <= x.ts <= now]
    turnover, volume = sum(price(x) * x.quantity for x in inside), sum(x.quantity for x in inside)
    assert (units(d["w"]), d["T"] * NS_PER_MS, d["i"]) == (turnover // volume, inside[-1].ts, "5m")


def test_nothing_is_said_before_the_first_trade_but_the_book_is() -> None:
    still = replace(QUIET, rate=0.000001)
    room = Room(
        "nknusdt@ticker", "nknusdt@avgPrice", "nknusdt@kline_1s", "!miniTicker@arr", listings=(still,)
    )
    room.run(30)
    assert not any(room.said.values())


@pytest.mark.parametrize("name", ["BTCUSDT@trade", "nosuch@trade", "maticusdt@trade", "!ticker@arr"])
def test_nobody_speaks_for_what_nothing_is_ever_said_of(name: str) -> None:
    stream = parse(name)
    assert stream is not None
    assert publisher(stream, Room().world) is None


def test_microseconds_are_a_thousand_times_as_many() -> None:
    names = ("btcusdt@trade", "btcusdt@kline_1m", "btcusdt@ticker", "btcusdt@avgPrice", "btcusdt@depth")
    one, other = Room(*names), Room()
    for name in names:
        other.subscribe(name, microseconds=True)
    one.run(5)
    other.run(5)
    for name in names[1:]:
        for milli, micro in zip(one.payloads(name), other.payloads(name), strict=True):
            assert micro["E"] == milli["E"] * 1000
    for milli, micro in zip(one.payloads("btcusdt@trade"), other.payloads("btcusdt@trade"), strict=True):
        assert micro["E"] // 1000 == milli["E"]
        assert micro["T"] == milli["T"] * 1000
        assert 0 < micro["E"] - micro["T"] < 2000
    k, ms = other.payloads("btcusdt@kline_1m")[0]["k"], one.payloads("btcusdt@kline_1m")[0]["k"]
    assert (k["t"], k["T"]) == (ms["t"] * 1000, (ms["T"] + 1) * 1000 - 1)


def test_a_clock_that_is_set_forward_closes_the_candle_it_leaves_and_back_closes_none() -> None:
    room = Room("btcusdt@kline_1m").run(10)
    (klines,) = room.publishers
    now = room.world.now
    (closed, *_) = [msgspec.json.decode(each)["k"] for each in klines.flush(now + 10 * MINUTE)]
    assert (closed["x"], closed["t"] * NS_PER_MS) == (True, START // MINUTE * MINUTE)
    assert klines.flush(now) == []


def test_wrapped_payloads_name_their_stream() -> None:
    assert combined("币安usdt@trade", b'{"a":1}') == '{"stream":"币安usdt@trade","data":{"a":1}}'.encode()
