"""Books of the simulated Kraken: what their subscribers know, in which digits, with which checksum."""

from __future__ import annotations

import re
from decimal import Decimal
from random import Random
from zlib import crc32

import pytest
from kraken_bench import SYMBOLS, BookReader, KrakenBench, Number, frames, read
from msgspec.structs import replace

from bethna.twins.kraken.book import Window, checksum
from bethna.twins.kraken.listings import listing
from bethna.twins.kraken.text import Precision
from bethna.twins.kraken.words import DEPTHS

Side = list[tuple[str, str]]


def truth(bench: KrakenBench, symbol: str, depth: int) -> tuple[Side, Side]:
    """The market's best levels in digits, made with decimals: the twin's own way of writing them is not asked."""
    market = bench.world.markets[symbol]
    precision = Precision(market.listing)

    def said(levels: list[tuple[int, int]]) -> Side:
        return [
            (
                f"{Decimal(price * market.listing.tick) / 10**8:.{precision.price_decimals}f}",
                f"{Decimal(lots * market.listing.lot) / 10**8:.{precision.quantity_decimals}f}",
            )
            for price, lots in levels
        ]

    bids, asks = market.depth(depth)
    return said(bids), said(asks)


# --- what subscribers know


@pytest.mark.parametrize("depth", DEPTHS)
def test_rule_1_who_cuts_the_book_to_its_depth_has_the_best_levels_of_the_market(
    depth: int, seed: int
) -> None:
    bench = KrakenBench(seed=seed)
    _, wire = bench.listen("book", depth=depth)
    messages = 0
    for until_s in (5, 20, 60):
        bench.run(until_s)
        reader = BookReader(wire.texts(), depth)
        messages = reader.messages
        assert reader.wrongs == []
        for symbol in SYMBOLS:
            assert (reader.side(symbol, 0), reader.side(symbol, 1)) == truth(bench, symbol, depth)
    assert messages > 300


def test_rule_1_levels_drop_out_unsaid_and_come_in_again_with_their_quantity() -> None:
    bench = KrakenBench(symbols=["BTC/USD"])
    _, wire = bench.listen("book", "BTC/USD")
    bench.run(60)
    held: dict[str, set[str]] = {"bids": set(), "asks": set()}
    dropped: dict[str, set[str]] = {"bids": set(), "asks": set()}
    again = 0
    for each in frames(wire, "book"):
        for name in ("bids", "asks"):
            for level in each["data"][0][name]:
                if Decimal(level["qty"]):
                    again += level["price"] in dropped[name]
                    dropped[name].discard(level["price"])
                    held[name].add(level["price"])
                else:
                    assert level["price"] in held[name], "what nobody has is not removed"
                    held[name].discard(level["price"])
            best = sorted(held[name], key=Decimal, reverse=name == "bids")
            dropped[name] |= set(best[10:])
            held[name] = set(best[:10])
    assert again > 20


def test_rule_2_what_changes_beyond_the_depth_is_not_said() -> None:
    bench = KrakenBench(symbols=["BTC/USD"])
    counts = {depth: bench.listen("book", "BTC/USD", depth=depth)[1] for depth in (10, 1000)}
    bench.run(60)
    narrow, wide = (len(frames(counts[depth], "book")) for depth in (10, 1000))
    assert 100 < narrow < 0.8 * wide


@pytest.mark.parametrize("reserve", [0, 1, 5])
@pytest.mark.parametrize("bid", [True, False])
def test_a_window_is_the_best_of_the_market_after_any_changes(bid: bool, reserve: int, seed: int) -> None:
    """Against a plain dict, with steps that remove and insert on both sides of its edge."""
    rng = Random(seed)
    market = {price: rng.randrange(1, 9) for price in rng.sample(range(1, 60), 25)}

    def best(limit: int) -> list[tuple[int, int]]:
        return sorted(market.items(), reverse=bid)[:limit]

    depth = 6
    window = Window(bid=bid, depth=depth, levels=best(depth + reserve), reserve=reserve)
    known, refills = dict(best(depth)), 0
    for _ in range(6_000):
        said = []
        for _ in range(rng.randrange(1, 7)):
            price = rng.randrange(1, 60)
            lots = rng.choice((0, 0, rng.randrange(1, 9)))
            if price not in market and not lots:
                continue
            market[price] = lots
            if not lots:
                del market[price]
            if window.put(price, lots):
                said.append((price, lots))
        if window.lacks:
            window.refill(best(window.wanted))
            refills += 1
        said += window.settle()
        for price, lots in said:
            known[price] = lots
            if not lots:
                del known[price]
        known = dict(sorted(known.items(), reverse=bid)[:depth])
        assert window.best(depth) == list(known.items()) == best(depth)
    assert refills >= 1, "nothing came from beyond what was at hand"


def test_two_that_came_at_different_times_are_told_the_same_from_then_on() -> None:
    bench = KrakenBench()
    _, first = bench.listen("book", depth=25)
    bench.run(7.3)
    _, second = bench.listen("book", depth=25)
    since = len(first.said)
    bench.run(20)
    updates = [text for text in second.texts() if b'"update"' in text and b'"book"' in text]
    assert updates == [text for _, _, text in first.said[since:] if b'"book"' in text]
    assert len(updates) > 50
    assert BookReader(second.texts(), 25).wrongs == []


def test_a_pair_that_does_not_trade_has_an_empty_book_and_the_checksum_of_nothing() -> None:
    bench = KrakenBench(symbols=["EOS/EUR", "BTC/USD"])
    _, wire = bench.listen("book", "EOS/EUR")
    bench.run(5)
    (snapshot,) = frames(wire, "book")
    assert (snapshot["data"][0]["bids"], snapshot["data"][0]["asks"]) == ([], [])
    assert snapshot["data"][0]["checksum"] == crc32(b"") == 0


# --- digits


def test_numbers_have_all_decimals_of_their_pair() -> None:
    bench = KrakenBench()
    _, wire = bench.listen("book", depth=100)
    bench.run(20)
    decimals = {"BTC/USD": (1, 8), "SHIB/USD": (8, 5), "MINA/GBP": (4, 8)}
    ends = 0
    for each in frames(wire, "book"):
        (book,) = each["data"]
        for level in (*book["bids"], *book["asks"]):
            assert isinstance(level["price"], Number)
            found = tuple(len(level[key].partition(".")[2]) for key in ("price", "qty"))
            assert found == decimals[book["symbol"]]
            ends += level["qty"].endswith("0")
    assert ends > 100, "zeros at the end are needed to tell who drops them"


def test_who_reads_numbers_as_floats_gets_wrong_checksums() -> None:
    bench = KrakenBench()
    _, wire = bench.listen("book")
    bench.run(20)

    def lossy(text: bytes) -> bytes:
        return re.sub(rb"\d+\.\d+", lambda found: str(float(found[0])).encode(), text)

    exact, floats = (BookReader(map(each, wire.texts()), 10) for each in (bytes, lossy))
    assert exact.wrongs == []
    assert len(floats.wrongs) == floats.messages > 200


def test_the_checksum_of_the_documentation() -> None:
    """MATIC/USD with 4 and 8 decimals, by hand from the protocol sheet."""
    matic = Precision(replace(listing("BTC/USD"), tick=10_000, lot=1))
    bids = (
        "0.5666:4831.75496356 0.5665:6658.22734739 0.5664:18724.91513344 0.5663:11563.92544914 "
        "0.5662:14006.65365711 0.5661:17454.85679807 0.566:18097.1547 0.5659:33644.89175666 0.5658:148.3464 "
        "0.5657:606.70854372"
    )
    asks = (
        "0.5668:4410.79769741 0.5669:4655.40412487 0.567:49844.89424998 0.5671:24306.41678 0.5672:29783.25223475 "
        "0.5673:57234.71239278 0.5674:45065.04744 0.5675:5912.76380354 0.5676:42514.92434778 0.5677:36304.0847022"
    )

    def levels(text: str) -> list[tuple[int, int]]:
        pairs = (word.split(":") for word in text.split())
        return [(int(Decimal(price) * 10**4), int(Decimal(lots) * 10**8)) for price, lots in pairs]

    assert checksum(levels(bids), levels(asks), matic) == 2439117997
    assert (matic.price(5_660), matic.quantity(1_809_715_470_000)) == (b"0.5660", b"18097.15470000")
    assert checksum([*levels(bids), (1, 1)], levels(asks), matic) == 2439117997, "ten levels a side"
    assert checksum(levels(bids)[:3], [], matic) != checksum(levels(bids)[:2], [], matic)


# --- messages


def test_messages_byte_for_byte() -> None:
    bench = KrakenBench(symbols=["BTC/USD"])
    _, wire = bench.listen("book", "BTC/USD")
    bench.run(3)
    texts = [text for text in wire.texts() if text.startswith(b'{"channel":"book"')]
    snapshot, update = read(texts[0]), read(texts[1])
    for each, kind in ((snapshot, "snapshot"), (update, "update")):
        assert list(each) == ["channel", "type", "data"]
        assert each["type"] == kind
        assert list(each["data"][0]) == ["symbol", "bids", "asks", "checksum", "timestamp"]
    (book,) = update["data"]
    levels = {
        side: ",".join(f'{{"price":{level["price"]},"qty":{level["qty"]}}}' for level in book[side])
        for side in ("bids", "asks")
    }
    assert texts[1].decode() == (
        '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":['
        + levels["bids"]
        + '],"asks":['
        + levels["asks"]
        + f'],"checksum":{book["checksum"]},"timestamp":"{book["timestamp"]}"}}]}}'
    )


def test_rule_4_a_snapshot_has_the_time_of_the_last_change() -> None:
    bench = KrakenBench(symbols=["BTC/USD"], rate=2.0)
    _, first = bench.listen("book", "BTC/USD", depth=1000)
    bench.run(20)
    _, second = bench.listen("book", "BTC/USD", depth=1000)
    (snapshot,) = frames(second, "book")
    assert snapshot["data"][0]["timestamp"] == frames(first, "book")[-1]["data"][0]["timestamp"]
