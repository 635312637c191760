"""Streams of trades: nothing twice, nothing lost in silence, and a certificate that says exactly what is missing."""

from __future__ import annotations

from typing import Any

from _memorydesk import BTC
from _memoryhouse import MemoryHouse, virtually, waiting
from hypothesis import given, settings
from hypothesis import strategies as st

from bethna.client.certificate import TradeCertificate
from bethna.client.facts import CertifiedTrade
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.market import Trade
from bethna.core.status import Dropped, GapFound, GapMarked, Healed
from bethna.logic.trades import TradeSequence

SECOND = 1_000_000_000
Act = st.sampled_from(["come", "come", "come", "lose", "early", "history", "patience"])


def trade(trade_id: int) -> Trade:
    return Trade(BTC, 100.0, 1.0, "buy", trade_id, trade_id * SECOND, trade_id * SECOND)


class Stream:
    """The desk's own contiguity machine; what it says goes on in its order."""

    def __init__(self) -> None:
        self.said: list[Trade | GapFound | Healed | GapMarked] = []
        self.sequence = TradeSequence(self.said.append, self, patience_ns=5 * SECOND, max_held=10)
        self.newest = 0
        self.lost: list[int] = []

    def gap_found(self, gap: Gap, ts: int) -> None:
        self.said.append(GapFound(BTC, gap, ts))

    def gap_healed(self, gap: Gap, found: int, ts: int) -> None:
        self.said.append(Healed(BTC, gap, found, ts))

    def gap_marked(self, gap: Gap, ts: int) -> None:
        self.said.append(GapMarked(BTC, gap, ts))

    def late(self, late: Trade) -> None:
        self.said.append(late)

    def act(self, what: str) -> None:
        now = (self.newest + 1) * SECOND
        match what:
            case "lose":
                self.newest += 1
                self.lost.append(self.newest)
            case "early":  # the one after the next comes first
                self.newest += 2
                self.sequence.apply(trade(self.newest))
                self.sequence.apply(trade(self.newest - 1))
            case "history":
                self.sequence.splice([trade(each) for each in self.lost], now)
            case "patience":
                self.sequence.tick(now + 100 * SECOND)
            case _:
                self.newest += 1
                self.sequence.apply(trade(self.newest))


def named(coverage: Coverage) -> set[int]:
    """The ids that a certificate says are missing."""
    found: set[int] = set()
    for gap in coverage.gaps:
        if not gap.healed and gap.first_id is not None and gap.last_id is not None:
            found |= set(range(gap.first_id, gap.last_id + 1))
    return found


@given(st.lists(Act, max_size=60), st.integers(0, 30))
def test_a_certificate_says_what_is_missing_up_to_its_trade_since_the_listening_began(
    acts: list[str], begin: int
) -> None:
    stream = Stream()
    for act in acts:
        stream.act(act)
    certificate = TradeCertificate(("binance",), Provenance.LIVE)
    seen: list[int] = []
    before = {event.trade_id for event in stream.said[:begin] if isinstance(event, Trade)}
    for event in stream.said[begin:]:
        if not isinstance(event, Trade):
            certificate.note(event)
            continue
        coverage = certificate.trade(event)
        seen.append(event.trade_id)
        missing = set(range(seen[0], max(seen) + 1)) - set(seen) - before
        if missing:
            assert coverage.state is State.INCOMPLETE
            assert missing <= named(coverage)
        elif coverage.state is State.INCOMPLETE:  # of a gap that was marked when nothing had been heard yet
            assert min(named(coverage)) < seen[0]
        assert (coverage.sources, coverage.as_of) == (("binance",), event.ts_event)
    assert len(seen) == len(set(seen))


@given(st.lists(st.integers(0, 6), max_size=80), st.integers(1, 5), st.booleans())
@settings(max_examples=60)
def test_a_slow_reader_hears_how_many_it_lost_and_its_certificates_name_them(
    bursts: list[int], pending: int, plain: bool
) -> None:
    async def main() -> None:
        house = MemoryHouse()
        reader: Any = house.trades.stream if plain else house.trades.events
        stream = reader("BTC-USDT", pending=pending)
        said: list[int] = []
        heard: list[int] = []
        dropped = 0
        for burst in bursts:
            for _ in range(burst):
                said.append(house.desk.trade(BTC, 100.0).trade_id)
            assert stream.statistics().depth <= pending
            for event in await waiting(stream):
                if isinstance(event, Dropped):
                    dropped += event.count
                    continue
                assert isinstance(event, CertifiedTrade)
                heard.append(event.trade_id)
                lost = set(said) - set(heard) - set(range(event.trade_id + 1, len(said) + 1))
                if min(lost, default=0) > (heard[0] if heard else 0):
                    assert lost <= named(event.coverage)
                assert (event.coverage.state is State.INCOMPLETE) == bool(lost)
                assert {gap.reason for gap in event.coverage.gaps} <= {"dropped"}
        assert heard == sorted(set(heard))
        if not plain:
            assert len(heard) + dropped == len(said)

    virtually(main)


@given(st.lists(st.sampled_from(["trade", "fetch"]), max_size=40))
def test_a_stream_goes_on_where_a_fetch_ended(acts: list[str]) -> None:
    async def main() -> None:
        house = MemoryHouse()
        open_streams = []
        for act in [*acts, "fetch"]:
            if act == "trade":
                house.desk.trade(BTC, 100.0)
                continue
            table = await house.trades.fetch("BTC-USDT", 1000)
            open_streams.append((table, house.trades.stream("BTC-USDT")))
        everything = [each.trade_id for each in house.desk.kept[BTC]]
        for table, stream in open_streams:
            assert [row.trade_id for row in table] + [
                each.trade_id for each in await waiting(stream)
            ] == everything

    virtually(main)


def test_of_a_gap_that_was_marked_and_comes_late_the_rest_is_named_until_it_is_whole() -> None:
    certificate = TradeCertificate(("binance",), Provenance.LIVE)
    assert certificate.trade(trade(1)).state is State.COMPLETE
    certificate.note(GapMarked(BTC, Gap("trades", 2, 4, SECOND, 5 * SECOND), 0))
    assert named(certificate.trade(trade(5))) == {2, 3, 4}
    assert named(certificate.trade(trade(2))) == {3, 4}
    assert named(certificate.trade(trade(4))) == {3}
    whole = certificate.trade(trade(3))
    assert (whole.state, [gap.healed for gap in whole.gaps]) == (State.HEALED, [True])
    certificate.note(Healed(BTC, Gap("trades", 2, 4, SECOND, 5 * SECOND, healed=True), 3, 0))
    assert certificate.trade(trade(6)).gaps == whole.gaps


def test_a_late_trade_of_a_time_before_the_listening_is_called_healed_and_changes_nothing_else() -> None:
    certificate = TradeCertificate(("binance",), Provenance.SYNTHETIC)
    certificate.trade(trade(50))
    late = certificate.trade(trade(20))
    assert (late.state, late.gaps[0].first_id, late.provenance) == (State.HEALED, 20, Provenance.SYNTHETIC)
    assert certificate.trade(trade(51)).state is State.COMPLETE


def test_a_tape_that_starts_over_is_a_count_that_begins_anew() -> None:
    certificate = TradeCertificate(("binance",), Provenance.LIVE)
    states = [certificate.trade(trade(each)).state for each in (50, 51, 52, 10, 11, 12, 13)]
    assert states[:3] == states[4:7] == [State.COMPLETE] * 3


def test_a_renumbered_stream_fills_no_gap_of_the_old_count() -> None:
    certificate = TradeCertificate(("binance",), Provenance.LIVE)
    certificate.trade(trade(10))
    certificate.note(GapMarked(BTC, Gap("trades", 11, 13, 10 * SECOND, 14 * SECOND), 0))
    certificate.trade(trade(14))
    certificate.note(GapMarked(BTC, Gap("trades", 15, 15, None, None, "renumbered"), 0))
    last = [certificate.trade(trade(each)) for each in (11, 12, 13)][-1]
    assert last.state is State.INCOMPLETE
    assert {gap.reason for gap in last.gaps} == {"missing", "renumbered"}
    assert named(last) >= {11, 12, 13}


def test_what_is_kept_of_many_gaps_is_bounded_and_the_state_remembers() -> None:
    certificate = TradeCertificate(("binance",), Provenance.LIVE)
    certificate.trade(trade(0))
    for number in range(1, 3001):
        certificate.note(GapMarked(BTC, Gap("trades", 2 * number - 1, 2 * number - 1, 0, 1), 0))
        certificate.trade(trade(2 * number))
    coverage = certificate.trade(trade(6001))
    assert (coverage.state, len(coverage.gaps)) == (State.INCOMPLETE, 50)
    assert coverage.gaps[-1].first_id == 5999
    for number in range(2001, 3001):
        certificate.trade(trade(2 * number - 1))
    coverage = certificate.trade(trade(6002))
    assert coverage.state is State.INCOMPLETE  # the oldest were never found
