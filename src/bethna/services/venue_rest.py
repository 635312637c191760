"""The REST side of one venue: every request goes through its quota keeper and to a host that serves us.

It keeps no market data and decides nobody's needs; what was asked for comes back as facts, or as an error that says who
must act.

Rules
  1. A request goes when the quota keeper lets it; longer than `patience_s` it does not wait but says RateLimited.
  2. 429 and 418 stop every request until the venue's Retry-After; who asked hears RateLimited and is not retried here.
  3. A host that says `not from here` or cannot be reached is left for the next one, each host once a request.
  4. A 5xx or an unreachable venue is tried again `retries` times with a growing, jittered pause, if the caller asked.
  5. A 4xx is the venue's answer and is never asked again.
  6. The venue's count of used weight is learnt from every answer, its clock from the time request.
"""

from __future__ import annotations

from collections.abc import Sequence

from bethna.core.clock import NS_PER_S, Clock, seconds
from bethna.core.errors import ConnectError, RateLimited, VenueAnswer, WireError
from bethna.core.wire import Catalogue, RestEvent, ServerTime
from bethna.logic.backoff import Backoff, Rng
from bethna.logic.clock_offset import ClockOffset
from bethna.logic.hosts import HostChoice
from bethna.logic.quota import WeightKeeper
from bethna.logic.session_types import ConnectionSettings
from bethna.net.http import HttpAnswer
from bethna.net.network import Requests
from bethna.net.tap import Tap
from bethna.net.timers import LoopTimers, Timers
from bethna.net.ws import retry_after_s
from bethna.venues.spec import Codec, RestRequest, VenueSpec

PATIENCE_S = 60.0
CLOCK_SAMPLES = 3
_SUSPECT_EVERY_S = 30.0


class VenueRest:
    """REST requests to one venue.

    Args:
        quota: shared by everybody who calls this venue from this address.
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
        quota: WeightKeeper,
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

    async def fetch(
        self, request: RestRequest, *, retries: int = 0, patience_s: float = PATIENCE_S
    ) -> Sequence[RestEvent]:
        """The answer as facts.

        Raises:
            RateLimited: the quota is spent for longer than `patience_s`, or the venue said 429 or 418.
            VenueAnswer: the venue refused the request, or failed (`status` 5xx) more often than was asked to retry.
            ConnectError: no host could be reached.
            WireError: the answer does not follow the protocol.
        """
        backoff = Backoff(self._settings.first_delay_s, self._settings.max_delay_s, 1.0, self._rng)
        while True:
            try:
                return await self._once(request, patience_s)
            except (VenueAnswer, ConnectError) as error:
                status = error.status or 0
                transient = isinstance(error, ConnectError) or status >= 500
                if retries <= 0 or not transient or status in self._spec.blocked_statuses:
                    raise
            retries -= 1
            await self._timers.sleep(backoff.delay(0))  # rule 4

    async def measure_clock(self, samples: int = CLOCK_SAMPLES) -> int | None:
        """Ask for the venue's time; venue minus host in nanoseconds, None when no answer gave one.

        Raises what `fetch` raises.
        """
        for _ in range(samples):
            await self.fetch(self._codec.time_request())
        return self.offset.offset_ns(self._clock.monotonic_ns())

    def quota_used(self) -> int:
        """Weight spent in the venue's current minute."""
        return self.quota.used(self._venue_now())

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

    async def _once(self, request: RestRequest, patience_s: float) -> Sequence[RestEvent]:
        failure: ConnectError | VenueAnswer | None = None
        for _ in self._spec.hosts:  # rule 3
            index = self._hosts.choose(self._clock.monotonic_ns())
            await self._allowed(request.weight, patience_s)
            try:
                answer = await self._get(index, request)
            except ConnectError as error:
                self._hosts.failed(index, self._clock.monotonic_ns())
                failure = error
                if self._hosts.choose(self._clock.monotonic_ns()) == index:
                    break
                continue
            if answer.status in self._spec.blocked_statuses:
                self._hosts.blocked(index, self._clock.monotonic_ns())
                name = self._spec.hosts[index].name
                failure = ConnectError(
                    self._spec.name,
                    f"the {name} host does not serve your place (HTTP {answer.status})",
                    status=answer.status,
                    hint="another host of the venue is tried; a proxy in a served place helps when none is left",
                )
                continue
            self._hosts.worked(index)
            return self._read(request, answer)
        assert failure is not None
        raise failure

    async def _allowed(self, weight: int, patience_s: float) -> None:
        """Rule 1."""
        left = seconds(patience_s)
        while wait := self.quota.wait(weight, self._venue_now()):
            if wait > left:
                raise RateLimited(
                    self._spec.name,
                    wait / NS_PER_S,
                    f"the request quota of {self._spec.name} is spent for {wait / NS_PER_S:.0f} s more",
                    banned=self.quota.banned,
                )
            left -= wait
            await self._timers.sleep(wait)
        self.quota.take(weight, self._venue_now())

    async def _get(self, index: int, request: RestRequest) -> HttpAnswer:
        url = self._spec.hosts[index].rest + request.path
        answer = await self._http.get(url, venue=self._spec.name, timeout_s=self._settings.timeout_s)
        if self._tap is not None:
            self._tap.http(url, answer.body, answer.ts_recv)
        used = answer.headers.get(self._spec.weight_header or "", "")
        if used.isascii() and used.isdigit():
            self.quota.learn_used(int(used), self._venue_now(answer.sent))  # rule 6
        return answer

    def _read(self, request: RestRequest, answer: HttpAnswer) -> Sequence[RestEvent]:
        status = answer.status
        if status in (429, 418):  # rule 2
            asked = retry_after_s(answer.headers.get("retry-after"))
            wait_s = self.quota.stop(self._venue_now(), asked, banned=status == 418)
            raise RateLimited(self._spec.name, wait_s, banned=status == 418)
        if status >= 500:
            raise VenueAnswer(
                self._spec.name, status, f"expected an answer to {_plain(request.path)}, found HTTP {status}"
            )
        try:
            events = self._codec.decode_http(request.path, answer.body, answer.ts_recv)
        except VenueAnswer as error:  # the codec cannot know the status
            raise VenueAnswer(
                error.venue, status, error.message, venue_code=error.venue_code, hint=error.hint
            ) from error
        if status >= 300:
            raise VenueAnswer(
                self._spec.name, status, f"expected an answer to {_plain(request.path)}, found HTTP {status}"
            )
        self._learn(events, answer)
        return events

    def _learn(self, events: Sequence[RestEvent], answer: HttpAnswer) -> None:
        for event in events:
            if isinstance(event, ServerTime):
                self.offset.rest(answer.sent, answer.received, event.ts_event, self._clock.monotonic_ns())
            elif isinstance(event, Catalogue) and event.weight_per_minute is not None:
                self.quota.learn_limit(event.weight_per_minute)

    def _venue_now(self, host_ns: int | None = None) -> int:
        """A host instant (now, when none is given) by the venue's clock as far as it is known."""
        now = self._clock.now_ns() if host_ns is None else host_ns
        return now + (self.offset.offset_ns(self._clock.monotonic_ns()) or 0)


def _plain(path: str) -> str:
    return path.partition("?")[0]
