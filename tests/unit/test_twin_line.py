"""What all twins share works without any venue that exists: frames, faults, denials, ledger, state, ends."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from twin_bench import ADDRESS, START, NotingWire
from twin_toy import SYMBOLS, WORDS, Reader, ToyBench

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import Fault, FaultError, Kind, Words, random_plan, read_fault
from bethna.twins.faults.words import BINANCE
from bethna.twins.line import Answer, Connection, NumberedPost, Rules
from bethna.twins.market.truth import Truth
from bethna.twins.registry import build

BTC_BOOK, BTC_TRADES, ETH_BOOK = "book BTC/USD", "trade BTC/USD", "book ETH/USD"
ALL = (BTC_TRADES, BTC_BOOK, ETH_BOOK)
SPAN_S = 10.0


def listen(*plan: Fault, names: tuple[str, ...] = ALL) -> tuple[ToyBench, NotingWire, Reader]:
    bench = ToyBench(*plan)
    _, wire = bench.open(*names)
    bench.run(SPAN_S)
    return bench, wire, Reader(wire.texts())


def book_of(bench: ToyBench, symbol: str) -> tuple[dict[int, int], dict[int, int]]:
    bids, asks = bench.world.markets[symbol].depth(10_000)
    return dict(bids), dict(asks)


def one(kind: Kind, **more: object) -> Fault:
    given = {"at_s": 3.0, "for_s": 4.0} | more
    return Fault(kind=kind, **given)  # type: ignore[arg-type]  # by name


# --- frames


def test_a_client_can_follow_the_book_by_what_it_is_told() -> None:
    bench, _, reader = listen()
    assert reader.wrongs == []
    assert {symbol: book_of(bench, symbol) for symbol in SYMBOLS} == reader.books
    truth = [each.trade_id for each in bench.world.markets["BTC/USD"].recent_trades(1000)]
    assert reader.trades == {"BTC/USD": truth}
    assert len(truth) > 20
    assert reader.beats == SPAN_S
    assert reader.words == [{"status": "online"}, {"got": list(ALL)}]


def test_who_comes_later_is_told_a_book_that_the_next_change_goes_on_from() -> None:
    bench = ToyBench()
    bench.open(BTC_BOOK)
    wires = []
    for n in range(20):
        bench.run(1 + n * 0.137)
        wires.append(bench.open(BTC_BOOK)[1])
    bench.run(SPAN_S)
    for wire in wires:
        reader = Reader(wire.texts())
        assert reader.wrongs == []
        assert reader.books == {"BTC/USD": book_of(bench, "BTC/USD")}


def test_what_is_dropped_is_silent_and_may_be_asked_for_again() -> None:
    bench = ToyBench()
    connection, wire = bench.open(*ALL)
    bench.run(3)
    bench.ask(connection, [BTC_BOOK, "nothing"], "drop")
    said = len(wire.said)
    bench.run(6)
    assert not any(b'"from"' in text and b"BTC" in text for text in wire.texts()[said:])
    bench.ask(connection, [BTC_BOOK])
    bench.run(SPAN_S)
    reader = Reader(wire.texts())
    assert reader.wrongs == []
    assert reader.books["BTC/USD"] == book_of(bench, "BTC/USD")


def test_a_beat_hears_no_step_and_wakes_nobody_for_each() -> None:
    bench = ToyBench()
    connection, wire = bench.open(ETH_BOOK)
    bench.ask(connection, [ETH_BOOK], "drop")
    bench.run(5)
    assert Reader(wire.texts()).beats == 5
    assert bench.twin._shared.board.eager == 0


# --- faults of frames


@pytest.mark.parametrize("kind", ["missing_trades", "missing_diff", "garbage"])
def test_what_is_lost_leaves_a_hole_in_the_numbers_and_stands_in_the_ledger(kind: Kind) -> None:
    _, whole, _ = listen()
    bench = ToyBench(one(kind, share=0.4, symbol="BTC/USD"))
    _, wire = bench.open(*ALL)
    bench.run(SPAN_S)
    came = set(wire.texts())
    missing = [msgspec.json.decode(text) for text in whole.texts() if text not in came]
    lost = bench.twin.losses
    assert [damage.last for damage in lost] == [each.get("t", each.get("u")) for each in missing]
    assert [damage.first for damage in lost] == [each.get("t", each.get("from", 0) + 1) for each in missing]
    assert {damage.kind for damage in lost} == {kind}
    assert len(lost) > 3
    if kind != "garbage":
        numbers = [msgspec.json.decode(text)["n"] for text in wire.texts()]
        assert set(range(numbers[-1] + 1)) - set(numbers) == {each["n"] for each in missing}


def test_a_bad_checksum_is_wrong_and_nothing_else_is() -> None:
    _, whole, _ = listen()
    bench, wire, reader = listen(one("bad_checksum", share=0.5, symbol="BTC/USD"))
    assert {what for what, _ in reader.wrongs} == {"checksum"}
    assert len(reader.wrongs) == len(bench.twin.ledger.spoiled) == bench.faults.struck["bad_checksum"] > 5
    assert {damage.stream for damage in bench.twin.ledger.spoiled} == {BTC_BOOK}
    assert reader.books == {symbol: book_of(bench, symbol) for symbol in SYMBOLS}
    assert len(wire.texts()) == len(whole.texts())
    assert bench.twin.losses == []


def test_a_snapshot_may_be_spoiled_too() -> None:
    bench, _, reader = listen(Fault(kind="bad_checksum", for_s=0.0))
    assert len(reader.wrongs) == bench.faults.struck["bad_checksum"] == 1
    assert reader.wrongs[0] == ("checksum", 2)


def test_a_dropped_number_is_missing_and_no_frame_is() -> None:
    _, whole, told = listen()
    bench, wire, reader = listen(one("dropped_sequence", share=0.5, stream="book", count=3))
    assert {what for what, _ in reader.wrongs} == {"number"}
    assert len(reader.wrongs) == bench.faults.struck["dropped_sequence"] > 2
    assert (reader.books, reader.trades, reader.beats) == (told.books, told.trades, told.beats)
    first, last = (msgspec.json.decode(wire.texts()[n])["n"] for n in (0, -1))
    assert last - first == len(whole.texts()) - 1 + 3 * len(reader.wrongs)


def test_a_silent_book_is_silent_until_it_is_subscribed_anew_and_all_else_goes_on() -> None:
    bench = ToyBench(one("silent_book", for_s=1.0, symbol="BTC/USD"))
    connection, wire = bench.open(*ALL)
    bench.run(3.5)
    late, late_wire = bench.open(BTC_BOOK)
    bench.run(7)
    for each in (wire, late_wire):
        heard = Reader(each.texts())
        assert heard.wrongs == []
        assert heard.beats > 2
    assert Reader(wire.texts()).books["ETH/USD"] == book_of(bench, "ETH/USD")
    assert Reader(wire.texts()).books["BTC/USD"] != book_of(bench, "BTC/USD")
    assert Reader(late_wire.texts()).books == {}
    assert {(damage.stream, damage.kind) for damage in bench.twin.losses} == {(BTC_BOOK, "silent_book")}
    for client in (connection, late):
        bench.ask(client, [BTC_BOOK], "drop")
        bench.ask(client, [BTC_BOOK])
    bench.run(SPAN_S)
    for each in (wire, late_wire):
        assert Reader(each.texts()).wrongs == []
        assert Reader(each.texts()).books["BTC/USD"] == book_of(bench, "BTC/USD")


def test_a_stale_snapshot_is_the_book_of_before() -> None:
    bench = ToyBench(one("stale_snapshot", symbol="BTC/USD", delay_s=2.0))
    bench.run(2)
    then = bench.world.markets["BTC/USD"].update_id
    bench.run(4)
    _, wire = bench.open(BTC_BOOK, ETH_BOOK)
    reader = Reader(wire.texts())
    assert reader.updates["BTC/USD"] == then
    assert reader.updates["ETH/USD"] == bench.world.markets["ETH/USD"].update_id


def test_a_stale_snapshot_goes_by_the_host_whatever_the_venues_clock_says() -> None:
    bench = ToyBench(
        one("stale_snapshot", symbol="BTC/USD", delay_s=2.0), Fault(kind="clock_jump", offset_s=-1.9)
    )
    bench.run(2)
    then = bench.world.markets["BTC/USD"].update_id
    bench.run(4)
    _, wire = bench.open(BTC_BOOK)
    assert Reader(wire.texts()).updates == {"BTC/USD": then}


def test_a_snapshot_that_races_comes_after_what_goes_on_from_it() -> None:
    bench = ToyBench(Fault(kind="snapshot_race", symbol="BTC/USD", delay_s=1.5))
    _, wire = bench.open(BTC_BOOK)
    bench.run(3)
    snapshot = next(at for at, _, text in wire.said if b'"bids"' in text)
    change = next(at for at, _, text in wire.said if b'"from"' in text)
    assert change < snapshot == START + 3 * NS_PER_S // 2


def test_data_comes_before_its_ack_when_that_is_late() -> None:
    _, wire, _ = listen(Fault(kind="late_ack", delay_s=2.0, stream="book"))
    ack = next(n for n, text in enumerate(wire.texts()) if b'"got"' in text)
    assert any(b'"from"' in text for text in wire.texts()[:ack])
    assert msgspec.json.decode(wire.texts()[ack])["n"] == 1  # it was numbered when it was due


def test_a_refused_stream_is_left_out_of_the_answer_on_a_healthy_socket() -> None:
    bench = ToyBench(Fault(kind="refused_subscription", symbol="BTC/USD"))
    _, wire = bench.open(BTC_BOOK, ETH_BOOK)
    bench.run(5)
    reader = Reader(wire.texts())
    assert reader.words[-1] == {"got": [ETH_BOOK]}
    assert reader.wrongs == []
    assert reader.beats == 5


@pytest.mark.parametrize("kind", ["silent", "half_open"])
def test_a_connection_that_is_struck_whole_takes_no_numbers_for_what_it_is_not_due(kind: Kind) -> None:
    bench, wire, reader = listen(Fault(kind=kind, at_s=0.0 if kind == "silent" else 3.0, for_s=60.0))
    assert reader.wrongs == []
    assert {damage.kind for damage in bench.twin.losses} == {kind}
    assert wire.said[-1][0] <= START + 3 * NS_PER_S
    post = bench.twin.connections[0].post
    assert isinstance(post, NumberedPost)
    assert post.next_number == len(wire.said)


# --- connections, names, requests


def test_maintenance_is_announced_then_closes_then_denies_until_it_is_over() -> None:
    bench = ToyBench(one("maintenance", for_s=6.0, delay_s=2.0))
    _, wire = bench.open(*ALL)
    bench.run(4)
    assert Reader(wire.texts()).words[-1] == {"status": "maintenance"}
    assert not wire.ended()
    bench.run(6)
    assert wire.said[-1] == (START + 5 * NS_PER_S, "close", b"1001 maintenance")
    answer = bench.twin.http("GET", "/book?of=BTC/USD", {}, ADDRESS, bench.now)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
    assert isinstance(bench.twin.upgrade("/socket", ADDRESS, bench.now), Answer)
    bench.run(9.5)
    assert bench.twin.http("GET", "/book?of=BTC/USD", {}, ADDRESS, bench.now).status == 200
    bench.open()
    assert bench.twin.state(bench.now)["endings"] == {"maintenance": 1}


def test_a_renamed_symbol_goes_on_under_its_new_name_alone() -> None:
    bench = ToyBench(Fault(kind="rename", at_s=3.0, symbol="BTC/USD", to="XBT/USD"))
    connection, wire = bench.open(*ALL)
    bench.run(3)
    said = len(wire.said)
    bench.run(6)
    assert not any(b"BTC" in text for text in wire.texts()[said:])
    assert bench.twin.renames == [("BTC/USD", "XBT/USD")]
    bench.ask(connection, [BTC_BOOK], "drop")
    bench.ask(connection, [BTC_BOOK, "book XBT/USD", "trade XBT/USD"])
    bench.run(6 * SPAN_S)
    reader = Reader(wire.texts())
    assert reader.wrongs == []
    assert reader.books["XBT/USD"] == book_of(bench, "XBT/USD")
    assert len(reader.trades["XBT/USD"]) > 3
    assert bench.twin.http("GET", "/book?of=BTC/USD", {}, ADDRESS, bench.now).status == 404
    assert bench.twin.http("GET", "/book?of=XBT/USD", {}, ADDRESS, bench.now).status == 200
    assert list(bench.world.markets) == ["XBT/USD", "ETH/USD"]


def test_the_truth_of_a_renamed_symbol_is_under_its_first_name() -> None:
    bench = ToyBench(Fault(kind="rename", at_s=3.0, symbol="BTC/USD", to="XBT/USD"))
    truth = Truth(bench.world)
    bench.run(SPAN_S)
    market = bench.world.markets["XBT/USD"]
    assert truth.executions["BTC/USD"] == market.recent_trades(1000)
    assert truth.book("BTC/USD", market.update_id) == market.depth(10_000)
    assert truth.candles("BTC/USD", 60 * NS_PER_S)


def test_a_rename_that_cannot_be_changes_nothing() -> None:
    _, whole, _ = listen()
    for symbol, to in (("BTC/USD", "ETH/USD"), ("NO/USD", "XBT/USD")):
        bench, wire, _ = listen(Fault(kind="rename", symbol=symbol, to=to))
        assert wire.said == whole.said
        assert bench.twin.renames == []


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault(kind="http_5xx", status=502), 502, "text/html"),
        (Fault(kind="http_429", retry_after_s=7), 429, "text/html"),
        (Fault(kind="http_451"), 451, "text/html"),
        (Fault(kind="http_html"), 200, "text/html"),
        (Fault(kind="http_5xx", symbol="BTC/USD"), 503, "text/html"),
        (Fault(kind="http_5xx", symbol="ETH/USD"), 200, "application/json"),
        (Fault(kind="http_5xx", endpoint="/book", on="rest"), 503, "text/html"),
        (Fault(kind="http_5xx", endpoint="/socket"), 200, "application/json"),
    ],
)
def test_faults_of_requests_answer_in_the_venues_place(fault: Fault, status: int, kind: str) -> None:
    bench = ToyBench(fault).run(1)
    answer = bench.twin.http("GET", "/book?of=BTC/USD", {}, ADDRESS, bench.now)
    assert (answer.status, answer.headers["Content-Type"]) == (status, kind)
    assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)


def test_faults_of_upgrades_deny_them_and_unreachable_says_nothing() -> None:
    bench = ToyBench(Fault(kind="http_5xx", endpoint="/socket"), Fault(kind="unreachable", at_s=50.0))
    found = bench.twin.upgrade("/socket", ADDRESS, bench.now)
    assert isinstance(found, Answer)
    assert found.status == 503
    found = bench.twin.upgrade("/socket", ADDRESS, bench.run(51).now)
    assert isinstance(found, Answer)
    assert found.cut


def test_attempts_are_counted_also_when_a_fault_denies_them() -> None:
    bench = ToyBench(Fault(kind="http_5xx", for_s=0.5))
    statuses = []
    for n in range(102):
        bench.run(0.4 if n < 99 else 0.6)
        found = bench.twin.upgrade("/socket", ADDRESS, bench.now)
        statuses.append(found.status if isinstance(found, Answer) else 101)
    assert statuses == [503] * 99 + [101, 429, 429]
    assert isinstance(bench.twin.upgrade("/elsewhere", "127.0.0.2", bench.now), Answer)


# --- ends


def ended(rules: Rules, *names: str, until_s: float = 40.0) -> tuple[float, str]:
    bench = ToyBench(rules=rules)
    _, wire = bench.open(*names)
    bench.run(until_s)
    at, how, _ = wire.said[-1]
    why = next(iter(bench.twin._shared.endings)) if how in ("close", "cut") else ""
    return (at - START) / NS_PER_S, why


def test_who_does_not_subscribe_in_time_is_closed() -> None:
    rules = Rules(ping_every_s=0, subscribe_within_s=5.0)
    assert ended(rules) == (5.0, "no_subscription")
    assert ended(rules, BTC_BOOK)[1] == ""
    assert ended(rules, "nonsense") == (5.0, "no_subscription")


def test_who_says_and_hears_nothing_is_closed_at_most_a_quarter_late() -> None:
    rules = Rules(ping_every_s=0, idle_s=8.0)
    at, why = ended(rules)
    assert why == "idle"
    assert 8.0 <= at <= 10.0
    assert ended(rules, BTC_BOOK)[1] == ""


def test_what_a_client_says_keeps_its_connection() -> None:
    bench = ToyBench(rules=Rules(ping_every_s=0, idle_s=8.0))
    connection, wire = bench.open()
    for second in range(0, 40, 5):
        bench.run(second)
        connection.pong(b"", bench.now)
    assert not wire.ended()
    bench.run(60)
    assert wire.ended()


def test_pings_the_end_of_life_and_too_many_messages() -> None:
    assert ended(Rules(ping_every_s=3.0, pong_within_s=10.0), BTC_BOOK) == (13.0, "no_pong")
    assert ended(Rules(ping_every_s=0, life_s=20.0), BTC_BOOK) == (20.0, "life")
    bench = ToyBench(rules=Rules(ping_every_s=0, messages_per_s=3))
    connection, wire = bench.open()
    for _ in range(4):
        assert not wire.ended()
        connection.text(b"?", bench.now)
    assert wire.said[-1][1:] == ("close", b"1008 too many messages")


def test_a_client_may_say_what_it_wants_where_there_is_no_such_rule() -> None:
    bench = ToyBench(rules=Rules(ping_every_s=0, messages_per_s=0))
    connection, wire = bench.open()
    for _ in range(1000):
        connection.text(b"?", bench.now)
    assert not wire.ended()


def test_what_a_connection_does_later_is_not_done_once_it_is_over() -> None:
    bench = ToyBench(Fault(kind="half_open", at_s=5.0, for_s=0.1))
    done: dict[str, list[int]] = {"ends": [], "dies": []}

    def begin(name: str) -> Connection:
        connection, _ = bench.open()

        def beat(at: int) -> None:
            done[name].append((at - START) // NS_PER_S)
            connection.later(at + NS_PER_S, beat)

        connection.later(START + NS_PER_S, beat)
        return connection

    ends, _ = begin("ends"), begin("dies")
    bench.run(2.5)
    ends.closed(bench.now)
    bench.run(9)
    assert done == {"ends": [1, 2], "dies": [1, 2, 3, 4]}


def test_without_rules_of_time_nothing_is_put_down_for_later() -> None:
    bench = ToyBench(rules=Rules(ping_every_s=0, life_s=0))
    bench.open()
    assert len(bench.twin._agenda) == 0


def test_the_end_of_a_connection_leaves_nothing_behind() -> None:
    bench = ToyBench(rules=Rules(ping_every_s=0, life_s=0))
    connection, _ = bench.open(*ALL)
    bench.run(2)
    connection.closed(bench.now)
    bench.run(5)
    assert bench.twin.connections == []
    assert len(bench.twin._shared.board) == 0
    assert len(bench.twin._agenda) == 0


# --- the state, and what a venue can have


def test_the_state_tells_of_connections_faults_and_damage() -> None:
    bench, wire, _ = listen(Fault(kind="missing_diff", for_s=60.0, count=2))
    state = bench.twin.state(bench.now)
    told = bench.twin.connections[0].state()
    assert state["connections"] == [told]
    assert told == {
        "number": 1,
        "address": ADDRESS,
        "path": "/socket",
        "opened_at_ns": START,
        "streams": [*ALL, "beat"],
        "frames": len(wire.said),
        "waiting": 0,
        "half_open": False,
        "silent": False,
    }
    assert state["damage"] == {"lost missing_diff": len(bench.twin.losses)}
    assert state["frames"] == len(wire.said)
    assert state["limits"] == {}


@pytest.mark.parametrize("kind", ["bad_checksum", "silent_book", "maintenance", "rename", "http_html"])
def test_a_kind_that_does_not_fit_a_venue_is_refused_by_name(kind: Kind) -> None:
    given = {"kind": kind, "symbol": "BTC/USD", "to": "XBT/USD"} if kind == "rename" else {"kind": kind}
    assert read_fault(given, words=WORDS).kind == kind
    with pytest.raises(FaultError) as caught:
        read_fault(given, words=BINANCE)
    assert f"expected a kind of fault that binance can have, found '{kind}'" in caught.value.message
    assert "kraken" in caught.value.hint
    with pytest.raises(FaultError, match="binance can have"):
        build("binance", seed=1, start=START, listings=(), plan=(Fault(kind=kind),))


def test_what_a_venue_can_have_is_what_a_random_plan_draws_from() -> None:
    def drawn(words: Words) -> set[str]:
        plans = (
            random_plan(Random(seed), span_s=20.0, symbols=SYMBOLS, words=words, streams=("", "book"))
            for seed in range(300)
        )
        return {fault.kind for plan in plans for fault in plan}

    assert drawn(WORDS) == set(WORDS.kinds()) - {"rename"}
    assert drawn(BINANCE) == set(BINANCE.kinds())
    assert "dropped_sequence" not in WORDS.kinds()
    assert {"bad_checksum", "rename"} & set(BINANCE.kinds()) == set()
    assert "http_418" not in WORDS.kinds()
    assert msgspec.structs.replace(WORDS, venue="kraken_v1").kinds() == WORDS.kinds()
    assert not msgspec.structs.replace(WORDS, without=("rename",)).fits("rename")


def test_a_venues_own_words_are_the_only_ones() -> None:
    good = {"kind": "http_5xx", "symbol": "BTC/USD", "endpoint": "/book"}
    assert read_fault(good, SYMBOLS, WORDS).symbol == "BTC/USD"
    for bad in ({"symbol": "BTCUSDT"}, {"endpoint": "/api/v3/depth"}, {"symbol": "XBT/USD"}):
        with pytest.raises(FaultError):
            read_fault(good | bad, SYMBOLS, WORDS)
    for to in ("ETH/USD", "nope", "", 5):
        with pytest.raises(FaultError, match="to: expected a symbol"):
            read_fault({"kind": "rename", "symbol": "BTC/USD", "to": to}, SYMBOLS, WORDS)
    with pytest.raises(FaultError, match="to: expected"):
        read_fault({"kind": "rename", "symbol": "BTC/USD"}, SYMBOLS, WORDS)


def test_a_doomed_connection_is_cut_as_soon_as_it_stands() -> None:
    bench = ToyBench(Fault(kind="accept_and_cut"))
    found = bench.twin.upgrade("/socket", ADDRESS, bench.now)
    assert isinstance(found, Connection)
    wire = NotingWire(bench.world)
    found.attach(wire, bench.now)
    assert [how for _, how, _ in wire.said] == ["cut"]
