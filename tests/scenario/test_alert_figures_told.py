"""The figures of alerts off a real desk before its twin, in virtual time, with a cut."""

from __future__ import annotations

from faultgrid.trial import START, Trial, house
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.api.indicators import BarsReader, indicated_series
from bethna.app.alert_figures import AlertFigures
from bethna.core.alerts import IndicatorIs, Moment, PriceIs, Side, SpreadIs, SystemIs, Trouble
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.alerts.rules import Watched, watched_by
from bethna.logic.indicators.registry import parse
from bethna.twins.faults import Fault

BTC = InstrumentId("BTC-USDT@binance")
WIDTH = watched_by(SpreadIs(BTC, 1.0))
BEST = watched_by(PriceIs(InstrumentId("BTC-USDT@best"), Side.ABOVE, 1.0))
RSI = watched_by(IndicatorIs(BTC, Interval.M1, "ema(3)", Side.ABOVE, None, "sma(2)"))
DOWN = watched_by(SystemIs(Trouble.VENUE_DOWN, "binance"))
STALE = watched_by(SystemIs(Trouble.STALE, BTC))
CUT_S, CUT_FOR_S = 200.0, 30.0


class Told:
    """Hears all figures; None: it was lost."""

    def __init__(self, *wanted: Watched) -> None:
        self._wanted = frozenset(wanted)
        self.moments: dict[Watched, list[Moment | None]] = {each: [] for each in wanted}
        self.times: list[int] = []

    def wanted(self) -> frozenset[Watched]:
        return self._wanted

    def tell(self, watched: Watched, moment: Moment) -> None:
        self.moments[watched].append(moment)

    def lose(self, watched: Watched) -> None:
        self.moments[watched].append(None)

    def pass_time(self, moment: Moment) -> None:
        self.times.append(moment.ts_event)

    def values(self, watched: Watched) -> list[float]:
        return [each.value for each in self.moments[watched] if each is not None]


def test_figures_are_those_of_the_desk_and_a_cut_shows_in_them() -> None:
    async def heard(clock: VirtualClock) -> None:
        cut = (Fault(kind="cut", at_s=CUT_S), Fault(kind="unreachable", at_s=CUT_S - 1, for_s=CUT_FOR_S))
        async with house(Trial(7, cut, 600.0), clock) as found:
            desk, told = found.desk, Told(WIDTH, BEST, RSI, DOWN, STALE)
            await pass_time(5)
            figures = AlertFigures(desk, desk.bus, clock, told)
            figures.look()
            for _ in range(420):
                await pass_time(1)
                figures.second()
                quoted, width = desk.price(BTC), told.moments[WIDTH][-1]
                if width is not None and quoted.bid and quoted.ask:
                    assert width.value == (quoted.ask - quoted.bid) / ((quoted.bid + quoted.ask) / 2) * 10_000
            assert len(set(told.values(WIDTH))) > 5
            assert State.COMPLETE in {each.state for each in told.moments[WIDTH] if each is not None}
            price = desk.best("BTC", "USDT")
            assert price.bid is not None
            assert price.ask is not None
            assert told.values(BEST)[-1] == (price.bid + price.ask) / 2
            for lost in (WIDTH, BEST):
                assert None in told.moments[lost]
            await _compare(found.desk, told)
            down = told.values(DOWN)
            assert {0.0, 1.0} == set(down)
            assert down[-1] == 0.0
            assert CUT_FOR_S - 10 < down.count(1.0) < CUT_FOR_S + 30
            assert set(told.values(STALE)) == {0.0, 1.0}
            assert told.times == sorted(told.times)
            figures.close()
            assert not found.desk.bus.channel("quotes", BTC).subscriptions

    clock = VirtualClock(START)
    run_virtually(heard(clock), clock)


async def _compare(desk: BarsReader, told: Told) -> None:
    """Each closed bar once, with the values that are shown elsewhere."""
    shown = await indicated_series(desk, BTC, Interval.M1, 6, None, [parse("ema(3)"), parse("sma(2)")])
    fast, slow = (each.outputs["value"] for each in shown.shown)
    wanted = {
        bar.close_time: first - second
        for bar, first, second in zip(shown.series.bars, fast, slow, strict=True)
        if bar.closed and first is not None and second is not None
    }
    found = {each.ts_event: each.value for each in told.moments[RSI] if each is not None}
    assert len([each for each in told.moments[RSI] if each is not None]) == len(found)
    both = wanted.keys() & found.keys()
    assert len(both) >= 4
    assert all(abs(wanted[at] - found[at]) < 1e-6 for at in both)
    assert all(at % (60 * NS_PER_S) == 0 for at in found)
