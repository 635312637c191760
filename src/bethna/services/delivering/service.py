"""Tells what has fired: takes the outbox's lines to their channels, at least once; it judges nothing and arms nothing.

Rules
  1. A message is marked as begun on the disk, sent, and marked as sent. Who is killed in between sends it again, the
     same one under the same key. What was sent and cannot be marked is not sent again: it is marked when that works.
  2. Each channel has a task, a machine (`logic/delivery`) and timeouts of its own: no other waits for it. A fault of
     ours in an attempt is a failed one; anywhere else it is told, and the task goes on after a pause.
  3. A channel that fails says so once, and once when it works again. What is given up is told, each message once, and
     goes to the channel that stands in for it.
  4. A line for a channel that is not there is given up at once.
  5. Where nothing goes out on a source, no line is touched; a test goes all the same.
  6. A browser that is gone is removed and told (`browsers`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar, assert_never

from bethna.core.alert_views import Alert, ChannelView, DeliveryState, Message, PushSubscription, Receipt
from bethna.core.clock import Clock, seconds
from bethna.core.errors import StoreError, UnknownChannel
from bethna.logic.backoff import Backoff, Rng
from bethna.logic.delivery import FIRST_S, LONGEST_S, Again, GiveUp, Go, Hold, Pace, Parcel, Rest, fallback_of
from bethna.logic.delivery_words import compose, trial_message
from bethna.net.timers import LoopTimers, Timers
from bethna.services.delivering.browsers import Browsers
from bethna.services.delivering.ports import AlertReader, Pusher, Sender, Tell, Work
from bethna.store import alerts as journals
from bethna.store.alerts.facts import PUSH

if TYPE_CHECKING:
    from sqlalchemy import Connection

SEND_S = 60.0
"""The longest that one attempt takes; senders have shorter ones of their own."""
DISK_FIRST_S, DISK_LONGEST_S = 1.0, 60.0
SUBJECT = "alerts"
T = TypeVar("T")


class _Lane:
    """One channel with its machine and its bell."""

    def __init__(self, sender: Sender, pace: Pace) -> None:
        self.sender = sender
        self.pace = pace
        self.bell = asyncio.Event()
        self.failing = False


class Delivering:
    """All channels of one source.

    Args:
        senders: those of the settings. pusher: None where nothing can be pushed.
        do: work on the journal's connection. read: alerts by their keys.
        tell: hears level, code, subject and message of what goes wrong. changed: hears the (rule, firing) of alerts
            whose deliveries have come further.
        prefix: before each message, "" on a live source. outward: whether anything goes out (rule 5).
        per_minute, fallback: as the settings say.
        timers: moved by hand in tests.
    """

    def __init__(
        self,
        senders: Sequence[Sender],
        pusher: Pusher | None,
        do: Work,
        read: AlertReader,
        clock: Clock,
        rng: Rng,
        tell: Tell,
        *,
        prefix: str = "",
        outward: bool = True,
        per_minute: int = 10,
        fallback: Mapping[str, str] | None = None,
        changed: Callable[[Sequence[tuple[str, int]]], None] = lambda _keys: None,
        timers: Timers | None = None,
        send_s: float = SEND_S,
    ) -> None:
        self._do = do
        self._read = read
        self._clock = clock
        self._rng = rng
        self._tell = tell
        self._changed = changed
        self._prefix = prefix
        self._outward = outward
        self._fallback = dict(fallback or {})
        self._timers = timers or LoopTimers(clock)
        self._send_s = send_s
        self._pusher = pusher
        self._browsers = None if pusher is None else Browsers(pusher, self._used, self._gone)
        every: list[Sender] = [*senders]
        if self._browsers is not None:
            every.append(self._browsers)
        self._lanes = {
            each.name: _Lane(each, Pace(per_minute, rng, has_fallback=each.name in self._fallback))
            for each in every
        }
        self._waiting: dict[str, int] = {}
        self._done: dict[DeliveryState, Counter[str]] = {
            DeliveryState.SENT: Counter(), DeliveryState.DEAD: Counter(),
        }  # fmt: skip
        self._news = asyncio.Event()
        self._tests = 0
        self._refused = False

    # --- life

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._count_done(await self._insist(journals.outbox.counts))
        await self._insist(self._look)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lasting(SUBJECT, self._keep_books))
            if self._outward:  # rule 5
                for lane in self._lanes.values():
                    group.create_task(self._lasting(lane.sender.name, partial(self._serve, lane)))

    async def _lasting(self, subject: str, step: Callable[[], Awaitable[None]]) -> None:
        """Rule 2."""
        backoff = Backoff(FIRST_S, LONGEST_S, 1.0, self._rng)
        while True:
            try:
                await step()
                backoff.steady()
            except Exception as error:  # noqa: BLE001 - rule 2
                if not backoff.failures:
                    said = f"its alerts wait, by a fault of ours: {type(error).__name__}"
                    self._tell("error", "alert_delivery_broken", subject, said)
                await self._timers.sleep(backoff.delay(0))

    def wake(self) -> None:
        """Something may be new in the outbox."""
        self._news.set()
        for lane in self._lanes.values():
            lane.bell.set()

    def channels(self) -> Sequence[ChannelView]:
        """Where alerts may go."""
        return [self._view(lane.sender) for lane in self._lanes.values()]

    def _view(self, sender: Sender) -> ChannelView:
        return ChannelView(
            sender.name,
            sender.kind,
            sender.target,
            sender.ready,
            sender.why,
            not self._outward,
            self._fallback.get(sender.name, ""),
            self._waiting.get(sender.name, 0),
            self._done[DeliveryState.SENT][sender.name],
            self._done[DeliveryState.DEAD][sender.name],
        )

    async def test(self, name: str) -> Receipt:
        """Send a message that says it is a test, now, whatever the source. Raises UnknownChannel."""
        lane = self._lanes.get(name)
        if lane is None:
            raise UnknownChannel(name, list(self._lanes))
        if not lane.sender.ready:
            return Receipt(ok=False, said=lane.sender.why, final=True)
        self._tests += 1
        now = self._clock.now_ns()
        return await self._attempt(lane.sender, trial_message(name, now + self._tests, self._prefix, now))

    # --- browsers

    def push_key(self) -> str:
        """The public VAPID key, base64url. Raises UnknownChannel where nothing can be pushed."""
        return self._can_push().key()

    async def push_add(self, subscription: PushSubscription) -> None:
        """Push to this browser from now on. Raises ConfigError: it is no subscription. StoreError."""
        self._can_push().check(subscription)
        at = self._clock.now_ns()
        await self._do(lambda connection: journals.outbox.push_add(connection, subscription, at))
        await self._do(self._look)

    async def push_remove(self, endpoint: str) -> None:
        """Push there no longer; fine if nobody does. Raises StoreError."""
        await self._do(lambda connection: journals.outbox.push_remove(connection, endpoint))
        await self._do(self._look)

    def _can_push(self) -> Pusher:
        if self._pusher is None:
            raise UnknownChannel(PUSH, list(self._lanes))
        return self._pusher

    async def _used(self, endpoints: Sequence[str]) -> None:
        """Once: a disk that refuses makes nobody send a message again."""
        at = self._clock.now_ns()
        with suppress(StoreError):
            await self._do(partial(journals.outbox.push_used, endpoints=endpoints, at=at))

    async def _gone(self, subscription: PushSubscription) -> None:
        """Rule 6. Where the disk refuses, it is found gone again."""
        with suppress(StoreError):
            await self._do(partial(journals.outbox.push_remove, endpoint=subscription.endpoint))
            await self._do(self._look)
            called = f"the browser {subscription.label!r}" if subscription.label else "a browser"
            said = f"{called} takes push messages no longer; it is removed"
            self._tell("info", "push_subscription_gone", PUSH, said)

    # --- one channel

    async def _serve(self, lane: _Lane) -> None:
        """What is to be done now, or a rest."""
        lane.bell.clear()
        now = self._clock.now_ns()
        found = await self._insist(partial(journals.outbox.outgoing, channel=lane.sender.name, now=now))
        step = lane.pace.next(found.waiting, found.held_until, now, self._clock.monotonic_ns())
        match step:
            case Rest(until):
                await self._rest(lane.bell, until)
            case Hold(parcels):
                await self._insist(partial(journals.outbox.hold, parcels=parcels))
                self._come_further([each for each, _ in parcels])
            case Go(parcels):
                await self._send(lane, parcels)
            case _:
                assert_never(step)

    async def _rest(self, bell: asyncio.Event, until: int | None) -> None:
        """Until the time, or until there is something new."""
        timer = None if until is None else self._timers.call_at(until, bell.set)
        try:
            await bell.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _send(self, lane: _Lane, parcels: tuple[Parcel, ...]) -> None:
        """Rule 1."""
        await self._insist(lambda connection: journals.outbox.begin(connection, parcels))
        there = await self._alerts(parcels)
        lost = [each for each in parcels if each.key not in there]
        if lost:
            await self._give_up(lane.sender.name, lost, "its firing is not in the journal")
        parcels = tuple(each for each in parcels if each.key in there)
        if not parcels:
            return
        message = compose([there[each.key] for each in parcels], self._prefix)
        lane.pace.begin(self._clock.monotonic_ns())
        receipt = await self._attempt(lane.sender, message)
        now, mono = self._clock.now_ns(), self._clock.monotonic_ns()
        if receipt.ok:
            lane.pace.arrived()
            await self._insist(lambda connection: journals.outbox.sent(connection, parcels, now))
            self._done[DeliveryState.SENT][lane.sender.name] += len(parcels)
            self._works(lane)
        else:
            await self._failed(lane, receipt, parcels, now, mono)
        self._come_further(parcels)

    async def _failed(
        self, lane: _Lane, receipt: Receipt, parcels: tuple[Parcel, ...], now: int, mono: int
    ) -> None:
        verdict = lane.pace.failed(receipt, parcels, now, mono)
        match verdict:
            case Again(next_try):
                await self._insist(
                    lambda connection: journals.outbox.again(connection, parcels, next_try, receipt.said)
                )
                self._fails(lane, receipt)
            case GiveUp():
                await self._give_up(lane.sender.name, parcels, receipt.said)
            case _:
                assert_never(verdict)

    async def _attempt(self, sender: Sender, message: Message) -> Receipt:
        try:
            async with asyncio.timeout(self._send_s):
                return await sender.send(message)
        except TimeoutError:
            return Receipt(ok=False, said=f"it did not answer within {self._send_s:g} s")
        except Exception as error:  # noqa: BLE001 - rule 2
            return Receipt(ok=False, said=f"a fault of ours: {type(error).__name__}")

    async def _alerts(self, parcels: Sequence[Parcel]) -> dict[tuple[str, int], Alert]:
        keys = [each.key for each in parcels]
        backoff = self._disk_backoff()
        while True:
            try:
                return {(each.rule, each.firing): each for each in await self._read(keys)}
            except StoreError as error:
                await self._disk_refuses(error, backoff)

    async def _give_up(self, channel: str, parcels: Sequence[Parcel], error: str) -> None:
        """Rules 3 and 4."""
        now = self._clock.now_ns()
        instead = {each.key: other for each in parcels if (other := fallback_of(each, self._fallback))}
        await self._insist(lambda connection: journals.outbox.dead(connection, parcels, now, error, instead))
        self._done[DeliveryState.DEAD][channel] += len(parcels)
        many = "an alert was" if len(parcels) == 1 else f"{len(parcels)} alerts were"
        others = " and ".join(sorted(set(instead.values())))
        told = f"; {others} is tried instead" if instead else ""
        self._tell("warning", "alert_not_delivered", channel, f"{many} not delivered: {error}{told}")
        self._come_further(parcels)
        self.wake()

    def _come_further(self, parcels: Sequence[Parcel]) -> None:
        self._news.set()
        self._changed([each.key for each in parcels])

    def _fails(self, lane: _Lane, receipt: Receipt) -> None:
        if not lane.failing:
            lane.failing = True
            self._tell(
                "warning", "alert_channel_failing", lane.sender.name,
                f"alerts wait: {receipt.said}; it is tried again",
            )  # fmt: skip

    def _works(self, lane: _Lane) -> None:
        if lane.failing:
            lane.failing = False
            self._tell("info", "alert_channel_works", lane.sender.name, "alerts arrive again")

    # --- all of them

    async def _keep_books(self) -> None:
        """Counts, and lines for channels that are not there (rule 4)."""
        self._news.clear()
        await self._insist(self._look)
        if self._outward:
            for channel in sorted(await self._insist(journals.outbox.waiting_channels) - self._lanes.keys()):
                await self._give_up_strays(channel)
        await self._news.wait()

    async def _give_up_strays(self, channel: str) -> None:
        now = self._clock.now_ns()
        found = await self._insist(lambda connection: journals.outbox.outgoing(connection, channel, now))
        if found.waiting:
            await self._give_up(channel, found.waiting, "no channel of that name is set")

    def _count_done(self, counts: Mapping[str, Mapping[DeliveryState, int]]) -> None:
        for state, done in self._done.items():
            done.clear()
            done.update({channel: states.get(state, 0) for channel, states in counts.items()})

    def _look(self, connection: Connection) -> None:
        """In the journal's thread; what it sets is replaced whole."""
        self._waiting = {
            channel: sum(states.values())
            for channel, states in journals.outbox.counts(connection, to_come=True).items()
        }
        if self._browsers is not None:
            self._browsers.known = journals.outbox.push_list(connection)

    async def _insist(self, ask: Callable[[Connection], T]) -> T:
        """Until the disk does it (rule 1)."""
        backoff = self._disk_backoff()
        while True:
            try:
                found = await self._do(ask)
            except StoreError as error:
                await self._disk_refuses(error, backoff)
            else:
                self._refused = False
                return found

    def _disk_backoff(self) -> Backoff:
        return Backoff(DISK_FIRST_S, DISK_LONGEST_S, seconds(1), self._rng)

    async def _disk_refuses(self, error: StoreError, backoff: Backoff) -> None:
        if not self._refused:
            self._refused = True
            self._tell(
                "error", "alerts_wait_for_disk", SUBJECT, f"no alert is sent meanwhile: {error.message}"
            )
        await self._timers.sleep(backoff.delay(0))
