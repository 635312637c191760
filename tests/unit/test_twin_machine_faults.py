"""Each fault of frames and connections does what its sheet says, and touches no other symbol and stream.

The oracle is the same world without the fault: two machines on one seed say the same, but for what a fault did.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from twin_bench import ADDRESS, START, STREAMS, Bench, NotingWire, say

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance import Connection, Rules
from bethna.twins.binance.ids import ids_of
from bethna.twins.faults import Fault, Kind
from bethna.twins.line.ledger import WITHHELD, Damage, Ledger

BTC_TRADES, BTC_DIFFS = "btcusdt@trade", "btcusdt@depth@100ms"
OTHERS = ("btcusdt@bookTicker", "ethusdt@trade", "ethusdt@depth@100ms")
SPAN_S = 15.0
FROM, TO = START + 3 * NS_PER_S, START + 8 * NS_PER_S


def listen(*plan: Fault, seed: int = 3, rules: Rules | None = None) -> tuple[Bench, NotingWire]:
    bench = Bench(*plan, seed=seed, rules=rules)
    _, wire = bench.open()
    bench.run(SPAN_S)
    return bench, wire


def one(kind: Kind, stream: str = "trade", **more: object) -> Fault:
    given = {"at_s": 3, "for_s": 5, "symbol": "BTCUSDT", "stream": stream} | more
    return Fault(kind=kind, **given)  # type: ignore[arg-type]  # by name


def within(at: int) -> bool:
    return FROM <= at < TO


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (one("missing_trades", share=0.5), BTC_TRADES),
        (one("missing_trades", "", share=0.3, count=4), BTC_TRADES),
        (one("missing_diff", "", share=0.5), BTC_DIFFS),
        (one("garbage", share=0.4), BTC_TRADES),
        (one("garbage", raw=True, share=0.4), BTC_TRADES),
        (one("duplicate", share=0.5, count=2), BTC_TRADES),
        (one("duplicate", share=0.5, delay_s=0.7), BTC_TRADES),
        (one("reorder", share=0.5, count=3), BTC_TRADES),
        (one("reorder", "depth*"), BTC_DIFFS),
        (one("slow", delay_s=0.4), BTC_TRADES),
        (one("fragmented"), BTC_TRADES),
    ],
)
def test_a_fault_of_one_stream_strikes_that_stream_while_it_lasts(fault: Fault, struck: str) -> None:
    whole_bench, whole = listen()
    bench, wire = listen(fault)
    assert bench.faults.struck[fault.kind] > 5
    assert whole_bench.faults.struck == {}
    for stream in OTHERS:
        assert wire.of(stream) == whole.of(stream)
    for other in {BTC_TRADES, BTC_DIFFS} - {struck}:
        assert wire.of(other) == whole.of(other)
    margin = round(5 * NS_PER_S)
    assert [each for each in wire.of(struck) if each[0] < FROM] == [
        each for each in whole.of(struck) if each[0] < FROM
    ]
    assert [each for each in wire.of(struck) if each[0] >= TO + margin] == [
        each for each in whole.of(struck) if each[0] >= TO + margin
    ]


def damaged(wire: NotingWire, whole: NotingWire, stream: str) -> tuple[Counter[bytes], Counter[bytes]]:
    """What is missing, and what is too much."""
    came = Counter(data for _, data in wire.of(stream))
    due = Counter(data for _, data in whole.of(stream))
    return due - came, came - due


def ids(frames: Counter[bytes]) -> list[tuple[int, int]]:
    found = [msgspec.json.decode(frame)["data"] for frame in frames.elements()]
    return sorted((each.get("t", each.get("U")), each.get("t", each.get("u"))) for each in found)


@pytest.mark.parametrize(
    ("kind", "stream"), [("missing_trades", BTC_TRADES), ("missing_diff", BTC_DIFFS), ("garbage", BTC_TRADES)]
)
def test_the_ledger_names_every_frame_that_did_not_come(kind: Kind, stream: str) -> None:
    _, whole = listen()
    bench, wire = listen(one(kind, "trade" if kind == "garbage" else "", share=0.4))
    missing, _ = damaged(wire, whole, stream)
    lost = bench.twin.losses
    assert ids(missing) == [(damage.first, damage.last) for damage in lost]
    assert {(damage.connection, damage.stream, damage.symbol, damage.kind) for damage in lost} == {
        (1, stream, "BTCUSDT", kind)
    }
    assert all(within(damage.at) for damage in lost)
    assert bench.twin.ledger.counts["lost", kind] == len(lost) == bench.faults.struck[kind]


def test_frames_go_missing_in_a_row() -> None:
    _, whole = listen()
    _, wire = listen(one("missing_trades", at_s=3, for_s=0, count=7))
    missing, _ = damaged(wire, whole, BTC_TRADES)
    found = [first for first, _ in ids(missing)]
    assert found == list(range(found[0], found[0] + 7))


def test_a_row_ends_with_its_fault() -> None:
    bench, _ = listen(one("missing_trades", for_s=1.5, count=100_000))
    assert bench.twin.losses
    assert all(damage.at < FROM + 3 * NS_PER_S // 2 for damage in bench.twin.losses)


def test_aggregates_go_missing_with_their_trades_range() -> None:
    bench = Bench(Fault(kind="missing_trades"))
    bench.open("/ws/btcusdt@aggTrade")
    bench.run(5)
    truth = [each.trade_id for each in bench.world.markets["BTCUSDT"].trades_from(0, 1000)]
    found = [n for damage in bench.twin.losses for n in range(damage.first or 0, (damage.last or 0) + 1)]
    assert found == truth[: len(found)]
    assert found


def test_garbage_is_no_frame_of_the_venue() -> None:
    _, whole = listen()
    bench, wire = listen(one("garbage", ""))
    due = {data for _, data in whole.of(BTC_TRADES, BTC_DIFFS, *OTHERS)}
    rubbish = [data for at, how, data in wire.said if how == "text" and data not in due]
    assert len(rubbish) == bench.faults.struck["garbage"] > 60
    for data in rubbish:
        data.decode()
        try:
            found = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError):
            continue
        payload = found.get("data", found) if isinstance(found, dict) else found
        assert not isinstance(payload, dict) or not isinstance(payload.get("s"), str)
    assert len({data[:3] for data in rubbish}) > 5


def test_raw_garbage_is_no_websocket_frame() -> None:
    _, wire = listen(one("garbage", raw=True))
    raw = [data for _, how, data in wire.said if how == "raw"]
    assert raw
    for data in raw:
        reserved, opcode, masked = data[0] & 0x70, data[0] & 0x0F, len(data) > 1 and data[1] & 0x80
        assert reserved or opcode in (0, 3) or masked or opcode == 9


def test_duplicates_are_the_same_frame_again() -> None:
    _, whole = listen()
    bench, wire = listen(one("duplicate", share=0.5, count=2))
    missing, more = damaged(wire, whole, BTC_TRADES)
    assert not missing
    assert set(more.values()) == {2}
    assert ids(more) == sorted((d.first, d.last) for d in bench.twin.ledger.doubled)
    times = {data: at for at, data in whole.of(BTC_TRADES)}
    assert all(times[data] == at for at, data in wire.of(BTC_TRADES))


def test_duplicates_may_come_later() -> None:
    _, whole = listen()
    _, wire = listen(one("duplicate", delay_s=0.7))
    first = {data: at for at, data in whole.of(BTC_TRADES)}
    lateness = Counter(at - first[data] for at, data in wire.of(BTC_TRADES))
    assert set(lateness) == {0, 7 * NS_PER_S // 10}


def test_a_reordered_frame_comes_after_count_others() -> None:
    _, whole = listen()
    bench, wire = listen(one("reorder", for_s=0, count=3, delay_s=60))
    due, came = ([data for _, data in each.of(BTC_TRADES)] for each in (whole, wire))
    first = next(i for i, (a, b) in enumerate(zip(due, came, strict=True)) if a != b)
    assert came == [*due[:first], *due[first + 1 : first + 4], due[first], *due[first + 4 :]]
    (swapped,) = bench.twin.ledger.swapped
    assert swapped.first == msgspec.json.decode(due[first])["data"]["t"]


def test_a_reordered_frame_waits_no_longer_than_its_delay() -> None:
    _, whole = listen()
    _, wire = listen(one("reorder", "depth*", for_s=0, count=10, delay_s=0.25))
    due, came = whole.of(BTC_DIFFS), wire.of(BTC_DIFFS)
    (late,) = [(at, data) for at, data in came if (at, data) not in due]
    assert late[0] - next(at for at, data in due if data == late[1]) == 250 * NS_PER_MS


def test_slow_frames_leave_late_and_in_order() -> None:
    _, whole = listen()
    _, wire = listen(one("slow", delay_s=0.4))
    due, came = whole.of(BTC_TRADES), wire.of(BTC_TRADES)
    assert [data for _, data in came] == [data for _, data in due]
    for (was, _), (at, _) in zip(due, came, strict=True):
        if within(was):
            assert at - was == 400 * NS_PER_MS
        else:
            assert 0 <= at - was <= 400 * NS_PER_MS
    assert any(not within(was) and at > was for (was, _), (at, _) in zip(due, came, strict=True))


def test_when_everything_is_slow_nothing_overtakes() -> None:
    _, whole = listen()
    bench, wire = listen(Fault(kind="slow", at_s=3, for_s=5, share=0.2, delay_s=0.7))
    assert wire.texts() == whole.texts()
    assert bench.faults.struck["slow"] > 10
    assert [at for at, _, _ in wire.said] == sorted(at for at, _, _ in wire.said)


def test_answers_and_pings_are_slow_when_everything_is() -> None:
    bench = Bench(Fault(kind="slow", for_s=100, delay_s=1.5), rules=Rules(ping_every_s=5))
    connection, wire = bench.open("/ws")
    bench.run(1)
    say(connection, {"method": "LIST_SUBSCRIPTIONS", "id": 1}, bench.now)
    bench.run(7)
    assert [(at - START, how) for at, how, _ in wire.said] == [
        (round(2.5 * NS_PER_S), "text"),
        (round(6.5 * NS_PER_S), "ping"),
    ]


def test_what_waits_is_bounded() -> None:
    bench, wire = listen(Fault(kind="slow", delay_s=1e6, for_s=1e6), rules=Rules(delayed_frames=50))
    assert [how for _, how, _ in wire.said] == ["cut"]
    assert bench.twin.state(bench.now)["endings"] == {"overflow": 1}


def test_what_waited_for_a_connection_that_ended_is_not_kept() -> None:
    bench = Bench(Fault(kind="slow", delay_s=1e6, for_s=1e6), Fault(kind="reorder", delay_s=1e6, for_s=1e6))
    for second in range(1, 11):
        connection, _ = bench.open()
        bench.run(second)
        assert len(bench.twin._agenda) > 20
        connection.closed(bench.now)
    bench.run(40)
    assert len(bench.twin._agenda) == 0
    assert bench.twin.losses == []


def test_what_waited_when_the_connection_was_cut_is_lost() -> None:
    _, whole = listen()
    bench, wire = listen(
        Fault(kind="slow", at_s=3, for_s=5, delay_s=2),
        one("reorder", for_s=0, count=9999, delay_s=99),
        Fault(kind="cut", at_s=6),
    )
    cut_at = START + 6 * NS_PER_S
    due = Counter(data for at, data in whole.of(*STREAMS.split("/")) if at < cut_at)
    lost = due - Counter(wire.texts())
    assert len(bench.twin.losses) == lost.total() > 20
    assert {damage.kind for damage in bench.twin.losses} == {"slow", "reorder"}


def test_fragments_are_the_frame_in_parts_with_pings_that_are_answered() -> None:
    _, whole = listen()
    bench = Bench(Fault(kind="fragmented", at_s=3, for_s=5))
    connection, wire = bench.open()
    pings = 0
    for tenth in range(150):
        bench.run(tenth / 10)
        inside = [data for _, how, data in wire.said if how == "ping inside"]
        for payload in inside[pings:]:
            connection.pong(payload, bench.now)
        pings = len(inside)
    bench.run(SPAN_S)
    assert wire.texts() == whole.texts()
    assert 4 <= pings <= 6
    assert len(connection._pings) == 0
    assert {how for at, how, _ in wire.said if how.startswith("fragments") and not within(at)} == set()
    assert len({how for _, how, _ in wire.said if how.startswith("fragments")}) > 2


# --- connections


def test_cut_drops_without_a_word_those_that_carry_the_stream() -> None:
    bench = Bench(Fault(kind="cut", at_s=3, symbol="ETHUSDT", stream="trade"))
    _, eth = bench.open("/ws/ethusdt@trade/btcusdt@trade")
    _, btc = bench.open("/ws/btcusdt@trade/ethusdt@depth")
    bench.run(SPAN_S)
    assert eth.said[-1] == (eth.said[-1][0], "cut", b"")
    assert all(how == "text" for _, how, _ in eth.said[:-1])
    assert eth.said[-2][0] < FROM
    assert btc.said[-1][0] > TO


def test_a_share_of_the_connections_is_cut() -> None:
    bench = Bench(Fault(kind="cut", at_s=3, share=0.5))
    wires = [bench.open("/ws")[1] for _ in range(100)]
    bench.run(4)
    assert 30 < sum(wire.ended() for wire in wires) < 70


def test_accept_and_cut_accepts_and_cuts() -> None:
    bench = Bench(Fault(kind="accept_and_cut", at_s=3, for_s=5))
    _, before = bench.open()
    bench.run(4)
    _, amid = bench.open()
    bench.run(8)
    _, after = bench.open()
    bench.run(SPAN_S)
    assert [how for _, how, _ in amid.said] == ["cut"]
    assert not before.ended()
    assert not after.ended()
    assert bench.twin.state(bench.now)["endings"] == {"accept_and_cut": 1}


def test_half_open_connections_are_dead_for_good() -> None:
    bench = Bench(Fault(kind="half_open", at_s=3, for_s=5), rules=Rules(life_s=100.0))
    old, before = bench.open()
    bench.run(4)
    found = bench.twin.upgrade("/ws/btcusdt@trade", ADDRESS, bench.now)
    assert isinstance(found, Connection)
    amid = NotingWire(bench.world)
    found.attach(amid, bench.now)
    bench.run(8)
    _, after = bench.open()
    said = len(before.said)
    say(old, {"method": "LIST_SUBSCRIPTIONS", "id": 1}, bench.now)
    assert not old.ping(b"", bench.now)
    bench.run(99)
    assert len(before.said) == said
    assert amid.said == []
    assert len(after.said) > 50
    lost = Counter(damage.connection for damage in bench.twin.losses)
    assert lost[1] > lost[2] > 50
    assert set(lost) == {1, 2}
    bench.run(105)
    assert [how for _, how, _ in amid.said] == ["cut"]


def test_half_open_may_be_about_one_stream() -> None:
    bench = Bench(Fault(kind="half_open", at_s=3, for_s=5, symbol="ETHUSDT"))
    _, btc = bench.open("/ws/btcusdt@trade")
    _, eth = bench.open("/ws/ethusdt@trade")
    bench.run(4)
    _, new_btc = bench.open("/ws/btcusdt@trade")
    _, new_eth = bench.open("/ws/ethusdt@trade")
    bench.run(12)
    assert [bool(wire.said) and wire.said[-1][0] > TO for wire in (btc, eth, new_btc, new_eth)] == [
        True, False, True, False,
    ]  # fmt: skip


def test_silent_connections_ack_and_ping_and_carry_nothing() -> None:
    bench = Bench(Fault(kind="silent", at_s=3, for_s=5), Fault(kind="shutdown_notice", at_s=60))
    _, before = bench.open()
    bench.run(4)
    connection, amid = bench.open("/ws/btcusdt@trade")
    say(connection, {"method": "SUBSCRIBE", "params": ["ethusdt@trade"], "id": 1}, bench.now)
    assert connection.ping(b"", bench.now)
    bench.run(65)
    assert [how for _, how, _ in amid.said] == ["text", "ping", "ping", "ping"]
    assert amid.texts() == [b'{"result":null,"id":1}']
    assert before.texts()[-1].startswith(b'{"stream"')
    assert {damage.kind for damage in bench.twin.losses} == {"silent"}


def test_a_refused_subscription_is_answered_in_turn_nested_and_flat_and_gives_nothing() -> None:
    bench = Bench(Fault(kind="refused_subscription", at_s=3, for_s=5, symbol="BTCUSDT"))
    connection, wire = bench.open("/ws")
    bench.run(4)
    for n, names in enumerate((["btcusdt@trade"], ["btcusdt@trade", "ethusdt@trade"], ["ethusdt@depth"])):
        say(connection, {"method": "SUBSCRIBE", "params": names, "id": n}, bench.now)
    assert wire.answers() == [
        {"error": {"code": 2, "msg": "Invalid request: invalid stream"}, "id": 0},
        {"code": 2, "msg": "Invalid request: invalid stream", "id": 1},
        {"result": None, "id": 2},
    ]
    assert list(connection.topics) == ["ethusdt@depth"]
    bench.run(8)
    say(connection, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 3}, bench.now)
    bench.run(12)
    assert b'"s":"BTCUSDT"' in b"".join(wire.texts())


def test_streams_of_a_url_that_are_refused_stay_silent() -> None:
    _, whole = listen()
    bench = Bench(Fault(kind="refused_subscription", for_s=5, symbol="BTCUSDT", stream="trade"))
    _, wire = bench.open()
    bench.run(SPAN_S)
    assert wire.of(BTC_TRADES) == []
    assert wire.of(BTC_DIFFS, *OTHERS) == whole.of(BTC_DIFFS, *OTHERS)
    assert {damage.kind for damage in bench.twin.losses} == {"refused_subscription"}


def test_a_late_ack_comes_after_data() -> None:
    bench = Bench(Fault(kind="late_ack", for_s=100, delay_s=2, symbol="BTCUSDT"))
    connection, wire = bench.open("/ws")
    say(connection, {"method": "SUBSCRIBE", "params": ["ethusdt@depth@100ms"], "id": 1}, bench.now)
    assert wire.answers() == [{"result": None, "id": 1}]
    say(connection, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 2}, bench.now)
    bench.run(5)
    (at,) = [at for at, _, data in wire.said if data == b'{"result":null,"id":2}']
    assert at == START + 2 * NS_PER_S
    assert any(b'"s":"BTCUSDT"' in data for when, _, data in wire.said if when < at)


def test_recycle_says_goodbye_to_all() -> None:
    bench = Bench(Fault(kind="recycle", at_s=3))
    wires = [bench.open()[1] for _ in range(3)]
    bench.run(4)
    assert {wire.said[-1][1:] for wire in wires} == {("close", b"1001 24 hours are over")}


def test_a_shutdown_is_announced_raw_and_combined_and_carried_out() -> None:
    bench = Bench(Fault(kind="shutdown_notice", at_s=3, delay_s=2))
    _, raw = bench.open("/ws/btcusdt@trade")
    _, wrapped = bench.open("/stream?streams=btcusdt@trade")
    _, micro = bench.open("/ws?timeUnit=MICROSECOND")
    bench.run(10)
    event = b'{"e":"serverShutdown","E":%d}' % (FROM // NS_PER_MS)
    assert event in raw.texts()
    assert b'{"stream":"!serverShutdown","data":' + event + b"}" in wrapped.texts()
    assert micro.texts() == [b'{"e":"serverShutdown","E":%d}' % (FROM // 1000)]
    for wire in (raw, wrapped, micro):
        assert wire.said[-1] == (START + 5 * NS_PER_S, "cut", b"")


# --- the clock


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        (Fault(kind="clock_skew", at_s=3, for_s=5, offset_s=-0.75), 0.0),
        (Fault(kind="clock_jump", at_s=3, offset_s=2.03), 2.03),
    ],
)
def test_the_venues_clock_is_off_in_everything_it_says(fault: Fault, after: float) -> None:
    bench = Bench(fault)
    connection, wire = bench.open("/ws/btcusdt@trade/btcusdt@depth@100ms")
    pong_at = 0
    for second in range(1, 45):
        bench.run(second)
        offset = fault.offset_s if 3 <= second < 8 else after if second >= 8 else 0.0
        served = msgspec.json.decode(bench.get("/api/v3/time").body)["serverTime"]
        assert served == (bench.now + round(offset * NS_PER_S)) // NS_PER_MS
    for at, how, data in wire.said:
        offset_ns = round((fault.offset_s if within(at) else after if at >= TO else 0.0) * NS_PER_S)
        if how == "ping":
            assert int(data) == (at + offset_ns) // NS_PER_MS
            pong_at = at
            continue
        frame = msgspec.json.decode(data)
        assert 0 <= (at + offset_ns) // NS_PER_MS - frame.get("T", frame["E"]) <= 1
        if frame["e"] == "depthUpdate":
            assert (at + offset_ns) % (100 * NS_PER_MS) == 0
    assert pong_at
    assert connection.topics


def test_diffs_join_across_every_step_of_the_clock() -> None:
    plan = [
        Fault(kind="clock_jump", at_s=at, offset_s=step)
        for at, step in ((1.23, 0.05), (2.34, -3.0), (3, 0.1))
    ]
    bench = Bench(*plan)
    _, wire = bench.open("/ws/btcusdt@depth@100ms")
    bench.run(10)
    frames = [msgspec.json.decode(text) for text in wire.texts()]
    assert all(later["U"] == earlier["u"] + 1 for earlier, later in pairwise(frames))
    assert frames[-1]["u"] > frames[0]["u"] + 100


# --- on request, and together


def test_faults_are_added_and_cleared_while_it_runs() -> None:
    _, whole = listen()
    bench = Bench()
    _, wire = bench.open()
    bench.run(3)
    bench.faults.add(Fault(kind="missing_trades", at_s=1, for_s=100), bench.now)
    bench.run(6)
    assert bench.faults.clear(bench.now) == 1
    bench.run(SPAN_S)
    missing = [each for each in whole.of(BTC_TRADES) if each not in wire.of(BTC_TRADES)]
    assert missing == [
        each for each in whole.of(BTC_TRADES) if START + 4 * NS_PER_S <= each[0] < START + 6 * NS_PER_S
    ]


def test_every_connection_has_dice_of_its_own() -> None:
    bench = Bench(Fault(kind="missing_trades", share=0.5, for_s=100))
    wires = [bench.open("/ws/btcusdt@trade")[1] for _ in range(2)]
    bench.run(SPAN_S)
    one_, other = (set(wire.texts()) for wire in wires)
    assert one_ != other
    assert one_ & other
    alone = Bench(Fault(kind="missing_trades", share=0.5, for_s=100))
    _, wire = alone.open("/ws/btcusdt@trade")
    alone.run(SPAN_S)
    assert set(wire.texts()) == one_


def test_once_faults_leave_the_machine_at_ease() -> None:
    bench, _ = listen(
        one("garbage", for_s=0), one("missing_trades", for_s=0, count=2), one("reorder", for_s=0)
    )
    bench.run(SPAN_S + 1)
    assert not bench.twin._shared.troubled
    assert all(each.post.calm for each in bench.twin.connections)


def test_what_waited_when_the_connection_died_is_lost_with_it() -> None:
    bench = Bench(Fault(kind="slow", for_s=5, delay_s=3), Fault(kind="half_open", at_s=4))
    _, wire = bench.open()
    bench.run(10)
    assert wire.said[-1][0] < START + 4 * NS_PER_S
    lost = [damage for damage in bench.twin.losses if damage.stream == BTC_TRADES]
    assert {damage.kind for damage in lost} == {"half_open"}
    came = [msgspec.json.decode(data)["data"]["t"] for _, data in wire.of(BTC_TRADES)]
    known = sorted([*came, *(damage.first or 0 for damage in lost)])
    assert known == list(range(known[0], known[0] + len(known)))
    assert known[-1] == bench.world.markets["BTCUSDT"].last_trade_id


def test_the_ledger_is_bounded_and_goes_on_counting() -> None:
    ledger = Ledger(5)
    for n in range(20):
        damage = Damage(1, BTC_TRADES, "BTCUSDT", "missing_trades", n, n, n)
        ledger.lose(damage)
        ledger.withhold(damage)
    assert [damage.first for damage in ledger.lost] == [15, 16, 17, 18, 19]
    assert ledger.counts["lost", "missing_trades"] == 20
    ledger.withhold(Damage(1, BTC_TRADES, "BTCUSDT", "missing_trades", 100, 100 + 2 * WITHHELD, 0))
    assert len(ledger.withheld["BTCUSDT"]) == WITHHELD
    ledger.withhold(Damage(1, BTC_TRADES, "ETHUSDT", "missing_trades", None, None, 0))
    assert "ETHUSDT" not in ledger.withheld


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b'{"e":"trade","s":"A","t":5,"p":"1"}', (5, 5)),
        (b'{"e":"aggTrade","a":9,"f":5,"l":7}', (5, 7)),
        (b'{"e":"depthUpdate","U":1,"u":4,"b":[]}', (1, 4)),
        (b'{"u":4,"s":"A","b":"1"}', (4, 4)),
        (b'{"lastUpdateId":8,"bids":[]}', (8, 8)),
        (b'{"e":"24hrTicker","o":"1","h":"2","l":"0.5","F":1,"L":2}', (None, None)),
        (b'{"e":"kline","s":"A","k":{"f":1,"L":2}}', (None, None)),
        (b'[{"e":"24hrMiniTicker"}]', (None, None)),
    ],
)
def test_ids_are_found_in_any_frame(payload: bytes, found: tuple[int | None, int | None]) -> None:
    assert ids_of(payload) == found
