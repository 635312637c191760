"""The REST side of one venue: every request goes through its quota keeper and to a host that serves us.

It keeps no market data and decides nobody's needs; what was asked for comes back as facts, or as an error that says who
must act.

Rules
  1. A request goes when the quota keeper lets it; longer than `patience_s` it does not wait but says RateLimited. The
     keeper is shared with every process of the user, so it says when to ask again, not when the turn has come. Who
     gives up waiting is struck out at once.
     Beside it stands the venue's limit of the moment, where it has one: so many in any short window, of this process.
  2. 429 and 418 stop every request of every process until the venue's Retry-After; who asked hears RateLimited and is
     not retried here.
  3. A host that says `not from here` or cannot be reached is left for the next one, each host once a request.
  4. A 5xx or an unreachable venue is tried again `retries` times with a growing, jittered pause, if the caller asked.
  5. A 4xx is the venue's answer and is never asked again. 451 and 403 are not: they are about who asks, whatever the
     body says, and so a ConnectError; it is for the caller to ask again later.
  6. The venue's count of used weight is learnt from every answer, its clock from the time request. When the venue's
     minute begins is told to the keeper from an answer that came within a second.
  7. All hosts of a venue have one quota: they may count together, and a ban is not to be dodged.
"""

from __future__ import annotations

from collections.abc import Sequence

from bethna.core.clock import NS_PER_S, Clock, seconds
from bethna.core.errors import ConnectError, RateLimited, VenueAnswer, WireError
from bethna.core.wire import Catalogue, RestEvent, ServerTime
from bethna.logic.access import next_step, refusal_words, refuses_us
from bethna.logic.backoff import Backoff, Rng
from bethna.logic.clock_offset import ClockOffset
from bethna.logic.hosts import HostChoice
from bethna.logic.quota import SlidingWindow
from bethna.logic.quota_ledger import MINUTE_NS, Lane
from bethna.logic.session_types import ConnectionSettings
from bethna.net.http import HttpAnswer
from bethna.net.network import Requests
from bethna.net.tap import Tap
from bethna.net.timers import LoopTimers, Timers
from bethna.net.ws import retry_after_s
from bethna.store.quota_keeper import Asked, QuotaKeeper
from bethna.venues.spec import Codec, RestRequest, VenueSpec

PATIENCE_S = 65.0
CLOCK_SAMPLES = 3
_SUSPECT_EVERY_S = 30.0
_CLOCK_ANSWER_NS = NS_PER_S
_COUNT_DIGITS = 9
BANNED = 418
LIMITED = (429, BANNED)


class VenueRest:
    """REST requests to one venue.

    Args:
        quota: shared by everybody who calls this venue from this address; left by who made it.
        http: the client; not closed here.
        tap: a recorder, or None.
        offset: learns the venue's clock; the feeds read it.
        timers: moved by hand in tests.
    """

    def __init__(
        self,
        spec: VenueSpec,
        codec: Codec,
        settings: ConnectionSettings,
        clock: Clock,
        rng: Rng,
        quota: QuotaKeeper,
        http: Requests,
        tap: Tap | None = None,
        *,
        offset: ClockOffset | None = None,
        timers: Timers | None = None,
    ) -> None:
        self.offset = offset or ClockOffset()
        self.quota = quota
        self._spec = spec
        self._codec = codec
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._http = http
        self._tap = tap
        self._timers = timers or LoopTimers(clock)
        self._hosts = HostChoice(len(spec.hosts), seconds(settings.blocked_s))
        at_once, window = spec.requests_at_once, seconds(spec.requests_window_s)
        self._window = SlidingWindow(at_once, window) if at_once else None

    async def fetch(
        self,
        request: RestRequest,
        *,
        lane: Lane = Lane.HEALING,
        retries: int = 0,
        patience_s: float = PATIENCE_S,
    ) -> Sequence[RestEvent]:
        """The answer as facts.

        Args:
            lane: who goes first when there is not enough for all.

        Raises:
            RateLimited: the quota is spent for longer than `patience_s`, or the venue said 429 or 418.
            VenueAnswer: the venue refused the request, or failed (`status` 5xx) more often than was asked to retry.
            ConnectError: no host could be reached.
            WireError: the answer does not follow the protocol.
        """
        backoff = Backoff(self._settings.first_delay_s, self._settings.max_delay_s, 1.0, self._rng)
        while True:
            try:
                return await self._once(request, lane, patience_s)
            except (VenueAnswer, ConnectError) as error:
                status = error.status or 0
                transient = isinstance(error, ConnectError) or status >= 500
                if retries <= 0 or not transient or refuses_us(status):
                    raise
            retries -= 1
            await self._timers.sleep(backoff.delay(0))  # rule 4

    def in_lane(self, lane: Lane) -> LaneOfRest:
        """The same for who always asks in one lane."""
        return LaneOfRest(self, lane)

    async def measure_clock(self, samples: int = CLOCK_SAMPLES) -> int | None:
        """Ask for the venue's time; venue minus host in nanoseconds, None when no answer gave one.

        Raises what `fetch` raises.
        """
        for _ in range(samples):
            await self.fetch(self._codec.time_request(), lane=Lane.SNAPSHOTS)
        return self.offset.offset_ns(self._clock.monotonic_ns())

    def quota_used(self) -> int:
        """Weight spent in the venue's current minute, by all processes."""
        return self.quota.used()

    async def run(self) -> None:
        """Measure the venue's clock now and then, and sooner when it looks wrong, until cancelled."""
        while True:
            try:
                await self.measure_clock()
            except (RateLimited, ConnectError, VenueAnswer, WireError):
                pause_s = min(self._settings.max_delay_s, self._settings.clock_every_s)
            else:
                pause_s = self._settings.clock_every_s
            await self._rest_a_while(pause_s)

    async def _rest_a_while(self, pause_s: float) -> None:
        until = self._clock.monotonic_ns() + seconds(pause_s)
        while (left := until - self._clock.monotonic_ns()) > 0:
            await self._timers.sleep(min(left, seconds(_SUSPECT_EVERY_S)))
            if self.offset.suspect(self._clock.monotonic_ns()):
                return

    # --- one request

    async def _once(self, request: RestRequest, lane: Lane, patience_s: float) -> Sequence[RestEvent]:
        failure: ConnectError | VenueAnswer | None = None
        for _ in self._spec.hosts:  # rule 3
            index = self._hosts.choose(self._clock.monotonic_ns())
            asked = await self._allowed(lane, request.weight, patience_s)
            try:
                answer = await self._get(index, request, asked)
            except ConnectError as error:
                self._hosts.failed(index, self._clock.monotonic_ns())
                failure = error
                if self._hosts.choose(self._clock.monotonic_ns()) == index:
                    break
                continue
            if refuses_us(answer.status):  # rule 5
                failure = self._refused(index, answer.status)
                if self._hosts.choose(self._clock.monotonic_ns()) == index:
                    break
                continue
            self._hosts.worked(index)
            return self._read(request, answer)
        assert failure is not None
        raise failure

    def _refused(self, index: int, status: int) -> ConnectError:
        if status in self._spec.blocked_statuses:
            self._hosts.blocked(index, self._clock.monotonic_ns())
        else:
            self._hosts.failed(index, self._clock.monotonic_ns())
        venue = self._spec.name
        step = next_step(venue, status, another=len(self._spec.hosts) > 1)
        return ConnectError(venue, refusal_words(venue, status), status=status, hint=step)

    async def _allowed(self, lane: Lane, weight: int, patience_s: float) -> Asked:
        """Rule 1."""
        asked = self.quota.want(lane, weight)
        left = seconds(patience_s)
        try:
            while wait := self.quota.ask(asked):
                if wait > left:
                    raise RateLimited(
                        self._spec.name,
                        wait / NS_PER_S,
                        f"the request quota of {self._spec.name} is spent for {wait / NS_PER_S:.0f} s more",
                        banned=self.quota.banned,
                    )
                left -= wait
                await self._timers.sleep(wait)
        finally:
            if asked.taken is None:
                self.quota.withdraw(asked)
        try:
            await self._wait_for_window()
        except BaseException:
            self.quota.settle(asked, None)  # it was given, and is not used
            raise
        return asked

    async def _wait_for_window(self) -> None:
        """Rule 1, last sentence."""
        window = self._window
        while window is not None and (wait := window.wait(self._clock.monotonic_ns())):
            await self._timers.sleep(wait)
        if window is not None:
            window.take(self._clock.monotonic_ns())

    async def _get(self, index: int, request: RestRequest, asked: Asked) -> HttpAnswer:
        url = self._spec.hosts[index].rest + request.path
        counted: int | None = None
        try:
            answer = await self._http.get(url, venue=self._spec.name, timeout_s=self._settings.timeout_s)
            used = answer.headers.get(self._spec.weight_header or "", "")
            if used.isascii() and used.isdigit() and len(used) <= _COUNT_DIGITS:
                counted = int(used)  # rule 6
        finally:
            self.quota.settle(asked, counted)
        if self._tap is not None:
            self._tap.http(url, answer.body, answer.ts_recv)
        return answer

    def _read(self, request: RestRequest, answer: HttpAnswer) -> Sequence[RestEvent]:
        status = answer.status
        if status in LIMITED:  # rule 2
            raise self._limited(status, answer)
        if status >= 500:
            raise VenueAnswer(
                self._spec.name, status, f"expected an answer to {_plain(request.path)}, found HTTP {status}"
            )
        try:
            events = self._codec.decode_http(request.path, answer.body, answer.ts_recv)
        except VenueAnswer as error:
            said = error.status or status  # the codec says one where the body does, whatever HTTP said
            if said in LIMITED:
                raise self._limited(said, answer) from error
            raise VenueAnswer(
                error.venue, said, error.message, venue_code=error.venue_code, hint=error.hint
            ) from error
        if status >= 300:
            raise VenueAnswer(
                self._spec.name, status, f"expected an answer to {_plain(request.path)}, found HTTP {status}"
            )
        self._learn(events, answer)
        return events

    def _limited(self, status: int, answer: HttpAnswer) -> RateLimited:
        """Nothing is asked until then (rule 2)."""
        asked = retry_after_s(answer.headers.get("retry-after"))
        wait_s = self.quota.stop(asked, banned=status == BANNED)
        return RateLimited(self._spec.name, wait_s, banned=status == BANNED)

    def _learn(self, events: Sequence[RestEvent], answer: HttpAnswer) -> None:
        for event in events:
            if isinstance(event, ServerTime):
                self.offset.rest(
                    answer.sent, answer.received, event.ts_event, self._clock.monotonic_ns(), event.coarse_ns
                )
                self._learn_minute(event.ts_event, answer)
            elif isinstance(event, Catalogue) and event.weight_per_minute is not None:
                self.quota.learn_limit(event.weight_per_minute)

    def _learn_minute(self, venue_ns: int, answer: HttpAnswer) -> None:
        """Rule 6. The host's clock only measures what passed since: that it may be wrong does not matter."""
        trip = answer.received - answer.sent
        since = self._clock.now_ns() - answer.received
        if 0 <= trip <= _CLOCK_ANSWER_NS and 0 <= since <= _CLOCK_ANSWER_NS:
            self.quota.learn_clock((venue_ns + trip // 2 + since) % MINUTE_NS)


class LaneOfRest:
    """A venue's REST side in one lane of its quota."""

    def __init__(self, rest: VenueRest, lane: Lane) -> None:
        self._rest = rest
        self._lane = lane

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        """As VenueRest.fetch."""
        return await self._rest.fetch(request, lane=self._lane)


def _plain(path: str) -> str:
    return path.partition("?")[0]
