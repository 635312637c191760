"""An index's past as bars, for where no venue has any: asked by request, within its quota, kept in memory for a while.

It joins nothing with a venue's bars (`app/series`), and nothing of it goes to the disk: what the source says of the
past is its own to mend and to license, and the store of candles holds what was traded at a venue.

Rules
  1. Each request waits for its turn in the quota that all processes of the user share, PATIENCE_S at most, and counts
     whatever becomes of it. A month's figure is kept as that many in MONTH_DAYS days where the ledger can remember them
     all, else as a day's share of it. A ledger does not outlive a restart of the machine.
  2. A 429 stops every request of every process until its end. What fails is asked TRIES times; what is refused, or
     stopped for longer than LONGEST_WAIT_S, once. Then the reason stands for REFUSED_S, for each question costs.
  3. Who asks in the same words meanwhile waits for that answer; for as long as it is good it is not asked for again.
     KEPT answers are kept, and then the oldest is forgotten.
  4. A key goes with requests to the plan's own host alone; what is sent and what is answered is on no tape.
  5. A bar of other bars is merged exactly, and says that it is an index (`Gap.reason`). What was not told is unknown.
"""

from __future__ import annotations

import asyncio
from itertools import groupby

from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind, Refusal
from bethna.core.clock import NS_PER_S, Clock, seconds
from bethna.core.coverage import Gap, Provenance
from bethna.core.errors import BethnaError, RateLimited, VenueAnswer, VenueError, WireError
from bethna.core.instrument import instrument_id
from bethna.core.intervals import Interval
from bethna.logic.access import about_request
from bethna.logic.bars import fill, merge, unknown_bar
from bethna.logic.quota_ledger import TAKEN, Lane
from bethna.net.network import Network, Requests
from bethna.store.quota_keeper import Asked, QuotaKeeper, QuotaWindow
from bethna.venues.coingecko.facts import Fact  # house: venue-name - the one index by request that there is
from bethna.venues.coingecko.past import IndexPast, Pair, Question  # house: venue-name - as above
from bethna.venues.spec import RestRequest

SCALE = 10**8
PATIENCE_S = 65.0
TRIES = 3
PAUSE_S = 1.0
LONGEST_WAIT_S = 20.0
"""Who asks is not kept waiting for the end of a ban: it is said, and asked for again when somebody asks again."""
KEPT = 64
REFUSED_S = 60.0
MONTH_DAYS = 31
_DAY_NS = 86_400 * NS_PER_S


class IndexBars:
    """What is known of a span: one bar for each interval that could be asked for, and what a person must be told."""

    __slots__ = ("bars", "notes", "refusals")

    def __init__(self, bars: list[Bar], refusals: tuple[Refusal, ...], notes: tuple[str, ...] = ()) -> None:
        self.bars = bars
        self.refusals = refusals
        self.notes = notes


class IndexHistory:
    """The past of one index source for one desk; `close` it.

    Args:
        quota: shared by everybody who asks this source from this address; closed with this.
        proxy: URL of a proxy, None for none. timeout_s: the longest wait for one answer.
    """

    def __init__(
        self,
        past: IndexPast,
        clock: Clock,
        provenance: Provenance,
        quota: QuotaKeeper,
        network: Network,
        *,
        proxy: str | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.past = past
        self.quota = quota
        self._clock = clock
        self._provenance = provenance
        self._network = network
        self._proxy = proxy
        self._timeout_s = timeout_s
        self._month = _month_window(quota, past.access.requests_per_month)
        self._requests: Requests | None = None
        self._kept: dict[str, tuple[int, Fact | str]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def name(self) -> str:
        """What its bars say as their source."""
        return self.past.name

    async def close(self) -> None:
        """Let go of the connections and the quota."""
        requests, self._requests = self._requests, None
        if requests is not None:
            await requests.__aexit__(None, None, None)
        self.quota.close()

    async def ping(self) -> None:
        """Whether it is there and takes the key, by one request. Raises VenueError, WireError."""
        await self._fetch(self.past.codec.ping_request())

    def forget(self) -> None:
        """What is in memory: another world has begun."""
        self._kept = {}  # what is on its way goes where it was asked for

    async def bars(self, base: str, quote: str, interval: Interval, start: int, end: int) -> IndexBars:
        """The closed bars that open in [start, end), ns UTC, as far as the source has them; why not the others."""
        try:
            pair = self.past.pair(base, quote)
        except BethnaError as error:
            return IndexBars([], (Refusal(self.name, error.message, start, end),))
        now = self._clock.now_ns()
        first = interval.open_time(start)
        first = first if first == start else interval.close_time(first)
        last = min(interval.close_time(interval.open_time(end - 1)), now)
        questions, unserved = self.past.plan(pair, interval, first, last, now) if first < last else ([], [])
        refusals = [Refusal(self.name, each.why, each.start, each.end) for each in unserved]
        bars: list[Bar] = []
        final = ""
        for (part, reason), group in groupby(questions, key=lambda each: (each.part, each.reason)):
            asked, told = list(group), []
            for question in asked:
                page, final = await self._page(question, final)
                found, why = self._read(question, page)
                told += found
                if why:
                    refusals.append(Refusal(self.name, why, question.start, question.end))
            bars += self._whole(pair, part, interval, told, reason)
        notes = (*self.past.notes, pair.note) if pair.note else self.past.notes
        return IndexBars(bars, tuple(refusals), notes)

    def _read(self, question: Question, page: Fact | str) -> tuple[list[Bar], str]:
        """Bars of an answer, or why there are none."""
        if isinstance(page, str):
            return [], page
        try:
            return self.past.bars(question, page, self._provenance), ""
        except BethnaError as error:
            return [], error.message

    def _whole(
        self,
        pair: Pair,
        part: Interval,
        interval: Interval,
        told: list[Bar],
        reason: str,
    ) -> list[Bar]:
        """Rule 5. An answer of a while ago does not reach to the end: a bar that has not all its parts yet is none."""
        if not told:
            return []
        span = told[0].open_time, told[-1].close_time
        name = instrument_id(f"{pair.asset}-{pair.quote}", self.name)
        like = unknown_bar(name, part, 0, "", self._provenance)
        parts = fill(told, like, *span, skips_quiet=False, reason="source_failed")
        bars = parts if part is interval else merge(parts, interval, SCALE)
        return [_marked(bar, reason) for bar in bars if bar.closed]

    # --- one answer

    async def _page(self, question: Question, final: str) -> tuple[Fact | str, str]:
        """The answer, or why there is none; and whether nothing else should be asked for that reason (rules 2, 3)."""
        path, answers = question.request.path, self._kept
        async with self._locks.setdefault(path, asyncio.Lock()):
            until, kept = answers.get(path, (0, None))
            if kept is not None and self._clock.monotonic_ns() < until:
                return kept, final
            if final:
                return final, final
            page, final = await self._ask(question.request)
            keep_s = REFUSED_S if isinstance(page, str) else question.keep_s
            answers.pop(path, None)
            answers[path] = self._clock.monotonic_ns() + seconds(keep_s), page
            while len(answers) > KEPT:
                del answers[next(iter(answers))]
        self._locks = {
            path: lock for path, lock in self._locks.items() if lock.locked() or path in self._kept
        }
        return page, final

    async def _ask(self, request: RestRequest) -> tuple[Fact | str, str]:
        """Rule 2."""
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(PAUSE_S * 2**attempt)
            try:
                return await self._fetch(request), ""
            except RateLimited as error:
                reason = error.message
                if error.retry_after_s > LONGEST_WAIT_S:
                    return reason, reason
                await asyncio.sleep(error.retry_after_s)
            except (VenueError, WireError) as error:
                reason = f"{error.message}; {error.hint}" if error.hint else error.message
                if isinstance(error, VenueAnswer) and about_request(error.status):
                    return reason, reason
        return reason, ""

    async def _fetch(self, request: RestRequest) -> Fact:
        """One request. Raises VenueError or WireError, ConfigError for another host than the plan's (rule 4)."""
        access = self.past.access
        url = access.rest + request.path
        headers = access.headers(url)
        asked = await self._turn(request.weight)
        try:
            if self._requests is None:
                self._requests = self._network.requests(self._clock, proxy=self._proxy, headers=headers)
                await self._requests.__aenter__()
            answer = await self._requests.get(url, venue=self.name, timeout_s=self._timeout_s)
        finally:
            self.quota.settle(asked, None)
        try:
            (fact,) = self.past.codec.decode(
                request.path, answer.body, answer.ts_recv,
                status=answer.status, retry_after=answer.headers.get("retry-after"),
            )  # fmt: skip
        except RateLimited as error:
            wait_s = self.quota.stop(error.retry_after_s, banned=False)
            raise RateLimited(self.name, wait_s, error.message) from error
        return fact

    async def _turn(self, weight: int) -> Asked:
        """Rule 1; nobody waits for the end of a long stop. Raises RateLimited."""
        if (stopped := self.quota.stopped()) > seconds(LONGEST_WAIT_S):
            await self._wait(stopped, 0)
        asked = self.quota.want(Lane.BACKFILL, weight)
        left = seconds(PATIENCE_S)
        try:
            while wait := self.quota.ask(asked):
                left = await self._wait(wait, left)
        finally:
            if asked.taken is None:
                self.quota.withdraw(asked)
        try:
            while self._month is not None and (wait := self._month.wait(self._clock.monotonic_ns())):
                left = await self._wait(wait, left)
        except BaseException:
            self.quota.settle(asked, None)
            raise
        if self._month is not None:
            self._month.take(self._clock.monotonic_ns())
        return asked

    async def _wait(self, wait: int, left: int) -> int:
        """What is left of the patience after waiting so long. Raises RateLimited where it is not enough."""
        if wait > left:
            text = f"the request quota of {self.name} is spent for {wait / NS_PER_S:.0f} s more"
            raise RateLimited(self.name, wait / NS_PER_S, text)
        await asyncio.sleep(wait / NS_PER_S)
        return left - wait


def _marked(bar: Bar, reason: str) -> Bar:
    if bar.kind is BarKind.UNKNOWN:
        return bar
    said = Gap("candles", None, None, bar.open_time, bar.close_time, reason)
    return replace(bar, coverage=replace(bar.coverage, gaps=(said, *bar.coverage.gaps)))


def _month_window(quota: QuotaKeeper, per_month: int | None) -> QuotaWindow | None:
    """Rule 1."""
    if per_month is None:
        return None
    if per_month <= TAKEN:
        return quota.window("month", per_month, MONTH_DAYS * _DAY_NS)
    return quota.window("day", per_month // MONTH_DAYS, _DAY_NS)
