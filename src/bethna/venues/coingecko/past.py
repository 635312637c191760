"""What to ask for the bars of a span, and the bars that the answers make; it sends nothing and waits for nobody.

Rules
  1. Candles come first, for their high and low are the source's own: half hours of the last day, four hours of the last
     thirty. Longer bars are merged of those that divide them.
  2. What is older, or what no candle divides, is made of hourly samples; 5 and 15 minutes of those of the last day,
     which come every five minutes. Anything shorter is refused, and so is what the plan does not show any more.
  3. Samples are asked for CHUNK_NS at a time on one grid, so that the same time is asked for in the same words whoever
     asks. Beyond 90 days the source would answer with one a day, and a bar of a day would show the day before.
  4. Every bar is made of one kind of answer alone: both are asked for LEAD_NS more than is wanted at their seam.
  5. A bar of which the beginning was not told is none: the first of an answer, and one behind a missing sample.
  6. A bar is never more than unverified: it is an average of many exchanges, and nobody can count what it is made of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Provenance, State
from bethna.core.intervals import Interval
from bethna.venues.coingecko import spec
from bethna.venues.coingecko.bars import bars_of
from bethna.venues.coingecko.coins import coin_of, vs_of
from bethna.venues.coingecko.facts import Fact, IndexCandle, IndexCandlePage, SamplePage
from bethna.venues.coingecko.rest import CoinGecko
from bethna.venues.spec import RestRequest

CHUNK_NS: Final = 80 * spec.DAY_NS
LEAD_NS: Final = 2 * spec.HOUR_NS
DOLLARS: Final = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI")
"""Quote currencies that mean to be a dollar and are none: the index in dollars stands for them, and that is said."""

CANDLES: Final = "index"
SAMPLES: Final = "index_samples"
"""Why a bar is unverified: an index is no venue's price; and its true high and low lie between samples."""

_CANDLES_S = 900.0  # by its documentation; of samples that change 30 s, and longer here to spare the quota
_OPEN_S = 1_800.0
_PAST_S = 43_200.0
_MINUTES_S = 60.0
_HALF_HOURS = (Interval.M30, Interval.H1, Interval.H2)
_FOUR_HOURS = (Interval.H4, Interval.H8, Interval.H12, Interval.D1, Interval.D3, Interval.W1, Interval.MO1)
_MINUTES = (Interval.M5, Interval.M15)
INTERVALS: Final = (*_MINUTES, *_HALF_HOURS, Interval.H4, Interval.H6, *_FOUR_HOURS[1:])


class Pair(Struct, frozen=True):
    """Whose index it is: `BTC` in `USD`. `note`: what a person must know of it beside a venue's price, or nothing."""

    asset: str
    quote: str
    note: str = ""


class Question(Struct, frozen=True):
    """One request.

    Attributes:
        keep_s: so long its answer says what it says.
        part: the length of its bars. start, end: those that open in [start, end) are taken from it, ns UTC.
        reason: what a bar of it is marked with.
    """

    request: RestRequest
    keep_s: float
    part: Interval
    start: int
    end: int
    reason: str


class Unserved(Struct, frozen=True):
    """A stretch that cannot be had, [start, end), and why."""

    start: int
    end: int
    why: str


class IndexPast:
    """History by one door."""

    name: Final = spec.NAME
    notes: Final = (spec.ATTRIBUTION, spec.DESCRIPTION)

    def __init__(self, codec: CoinGecko) -> None:
        self.codec = codec
        self.access = codec.access

    def pair(self, base: str, quote: str) -> Pair:
        """The index that comes nearest to a pair.

        Raises:
            UnknownInstrument: the asset is not pinned. ConfigError: nothing comes near to the quote currency.
        """
        coin_of(base)
        if quote in DOLLARS:
            note = (
                f"bars of {self.name} in this series of {base}-{quote} are of {base}-USD: {quote} is no US dollar, "
                "expect a step where they begin and end"
            )
            return Pair(base, "USD", note)
        vs_of(quote)
        return Pair(base, quote)

    def plan(
        self, pair: Pair, interval: Interval, start: int, end: int, now: int
    ) -> tuple[list[Question], list[Unserved]]:
        """What to ask for the bars that open in [start, end) and have begun by `now`, ns UTC, and what cannot be had.

        Both are ascending, and each asked stretch is one of whole intervals.
        """
        if interval not in INTERVALS:
            known = ", ".join(INTERVALS)
            return [], [Unserved(start, end, f"{self.name} has no bars of {interval}, it has: {known}")]
        end = min(end, now)
        oldest, why = self._oldest(interval, now)
        first = max(start, oldest)
        unserved = [Unserved(start, min(first, end), why)] if start < min(first, end) else []
        seam = min(max(first, _candles_from(interval, now)), end)
        asked = []
        if first < seam:
            asked += self._of_samples(pair, first, seam, now)
        if max(first, seam) < end:
            asked.append(self._newest(pair, interval, max(first, seam), end))
        return asked, unserved

    def bars(self, question: Question, page: Fact, provenance: Provenance) -> list[Bar]:
        """The closed bars of `question.part` that its answer tells (rule 5), ascending.

        Raises:
            ConfigError: the samples are too far apart for such bars.
        """
        if isinstance(page, IndexCandlePage):
            candles: Iterable[IndexCandle] = page.candles
        elif isinstance(page, SamplePage):
            candles = bars_of(page, question.part.ns)
        else:
            return []
        told, before = [], None
        for each in candles:
            told_from = each.whole and (not each.from_samples or before == each.open_time)
            if told_from and each.closed and question.start <= each.open_time < question.end:
                told.append(_bar(each, question.part, provenance))
            before = each.close_time
        return told

    def _oldest(self, interval: Interval, now: int) -> tuple[int, str]:
        """From which opening on there may be bars, and why not before."""
        if interval in _MINUTES or interval is Interval.M30:
            why = f"{self.name} has bars of {interval} of the last day only, and of 1h and longer of more"
            return _up(interval, now - spec.DAY_NS + interval.ns), why
        plan = self.access.plan
        if plan.history_days is None:
            return 0, ""
        return _up(
            interval, self._shown(now) + LEAD_NS
        ), f"the {plan.name} plan shows {plan.history_days} days"

    def _shown(self, now: int) -> int:
        """From when on samples are asked for: its clock may be ahead, and in whole hours the words stay the same."""
        return _up(Interval.H1, self.access.earliest(now)) + LEAD_NS

    def _of_samples(self, pair: Pair, start: int, end: int, now: int) -> list[Question]:
        """Rule 3."""
        shown = self._shown(now) if self.access.plan.history_days is not None else 0
        asked = []
        for chunk in range(start // CHUNK_NS * CHUNK_NS, end, CHUNK_NS):
            begin, until = max(shown, chunk - LEAD_NS), chunk + CHUNK_NS + LEAD_NS
            request = self.codec.range_request(pair.asset, pair.quote, begin, until, now)
            keep_s = _PAST_S if until + spec.DAY_NS < now else _OPEN_S
            span = max(start, chunk), min(end, chunk + CHUNK_NS)
            asked.append(Question(request, keep_s, Interval.H1, *span, SAMPLES))
        return asked

    def _newest(self, pair: Pair, interval: Interval, start: int, end: int) -> Question:
        """Rule 1, and of rule 2 the minutes."""
        asset, quote = pair.asset, pair.quote
        if interval in _MINUTES:
            request = self.codec.chart_request(asset, quote, 1)
            return Question(request, _MINUTES_S, Interval.M5, start, end, SAMPLES)
        days, part = (1, Interval.M30) if interval in _HALF_HOURS else (30, Interval.H4)
        return Question(self.codec.ohlc_request(asset, quote, days), _CANDLES_S, part, start, end, CANDLES)


def _candles_from(interval: Interval, now: int) -> int:
    """From which opening on bars are not made of hourly samples (rules 1 and 4); never where no candle divides them."""
    if interval in _MINUTES or interval is Interval.M30:
        return 0
    if interval in _HALF_HOURS:
        return _up(interval, now - spec.DAY_NS + LEAD_NS)
    if interval in _FOUR_HOURS:
        return _up(interval, now - 30 * spec.DAY_NS + 2 * spec.FOUR_HOURS.ns)
    return now


def _up(interval: Interval, ts: int) -> int:
    """The first opening at or behind an instant."""
    opens = interval.open_time(ts)
    return opens if opens == ts else interval.close_time(opens)


def _bar(candle: IndexCandle, part: Interval, provenance: Provenance) -> Bar:
    """Rule 6; there is neither volume nor a count of trades."""
    coverage = Coverage(provenance, State.UNVERIFIED, (), (spec.NAME,), None)
    return Bar(
        candle.instrument, part, candle.open_time, BarKind.TRADED,
        candle.open, candle.high, candle.low, candle.close, None, None, True, spec.NAME, coverage,
    )  # fmt: skip
