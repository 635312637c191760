"""Where alerts go in tests: a server of bare sockets that answers as it is told, and an outbox with hand-moved time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec
from handmade import Bell, HandTimers
from msgspec.structs import replace
from sqlalchemy import Connection, select

from bethna.core.alert_views import Alert, Delivery, PushSubscription
from bethna.core.alerts import (
    AlertRule,
    LeafState,
    Moment,
    Outcome,
    PriceCrosses,
    Repeat,
    RuleState,
    Step,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.market import InstrumentId
from bethna.logic.alerts.machine import begin
from bethna.net.outward import Outward
from bethna.net.webhook import Webhook
from bethna.runtime.clocks import ManualClock
from bethna.services.delivering import Delivering, Pusher, Sender
from bethna.store.alerts import outbox
from bethna.store.alerts.journal import Journal
from bethna.store.alerts.tables import DELIVERIES

T = TypeVar("T")
PAIR = InstrumentId("BTC-USDT@binance")
T0 = 1_700_000_000 * NS_PER_S
SECRET = "0123456789abcdef"
HANG_S = 0.1
"""How long a sender waits for an answer where some never come: real time, and the only one that these tests take."""
PATIENT_S = 30.0
PLAIN = AlertRule(PriceCrosses(PAIR, Way.UP, 100.0), Repeat.EVERY, channels=("hook",))

FAULTS = ("500", "503/3", "429/2", "hang", "half", "drop", "cut", "408")
RULES = {
    "a1": PLAIN,
    "a2": replace(PLAIN, channels=("hook", "other")),
    "a3": replace(PLAIN, channels=("other", "page")),
}


# --- the other side


@dataclass
class Asked:
    """One request. `taken`: its receiver has it, whatever it answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    taken: bool

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]

    @property
    def said(self) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded


@dataclass
class End:
    """A server. `answers`: what it does with a request, by its number from 0; see `reply`."""

    answers: Callable[[int], str] = lambda _number: "200"
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)
    tls: ssl.SSLContext | None = None

    def url(self, path: str = "/in/token-of-mine") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def taken(self) -> list[Asked]:
        return [each for each in self.asked if each.taken]


WORDS = {"200": "OK", "201": "Created", "429": "Slow down", "503": "Later", "302": "Found"}


async def reply(word: str, writer: asyncio.StreamWriter) -> None:
    """`hang`, `half` (of an answer), `drop` (after taking it), `cut` (without), or a status with `/RETRY-AFTER`."""
    if word in ("drop", "cut"):
        return
    if word in ("hang", "half"):
        if word == "half":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-")
        await asyncio.Event().wait()  # until the client goes
    status, _, more = word.partition("/")
    lines = [f"HTTP/1.1 {status} {WORDS.get(status, 'No')}", "Content-Length: 0", "Connection: close"]
    if status.startswith("3"):
        lines.append(f"Location: {more}")
    elif more:
        lines.append(f"Retry-After: {more}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()


def takes(word: str) -> bool:
    """Whether the receiver has the message, though its answer may not have come."""
    return word[0] == "2" or word in ("drop", "hang", "half")


@asynccontextmanager
async def serve(end: End) -> AsyncIterator[End]:
    """Listen on loopback."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            word = end.answers(len(end.asked))
            end.asked.append(Asked(head.split()[1], headers, body, takes(word)))
            end.bell.ring()
            gone = asyncio.create_task(reader.read())
            answered = asyncio.create_task(reply(word, writer))
            await asyncio.wait((gone, answered), return_when=asyncio.FIRST_COMPLETED)
            for each in (gone, answered):
                each.cancel()
        writer.close()

    def begun(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    listening = await asyncio.start_server(begun, "127.0.0.1", end.port, ssl=end.tls)
    end.port = listening.sockets[0].getsockname()[1]
    try:
        yield end
    finally:
        listening.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks)
        await listening.wait_closed()


# --- the outbox


class Killed(BaseException):
    """The process has ended here."""


def fired(rule: str, firing: int, at: int) -> Step:
    """The line of a firing."""
    moment = Moment(at, at, firing, 100.0 + firing)
    before = RuleState((LeafState.NO,), steps=firing - 1, firings=firing - 1)
    after = RuleState((LeafState.YES,), steps=firing, firings=firing, last_fired=at)
    return Step(rule, firing, Outcome.FIRED, 0, moment, before, after, at)


def alert_of(journal: str, rule: str, firing: int) -> Alert:
    """The alert of a firing, the same for whoever asks."""
    at = T0 + firing
    return Alert(
        f"{journal}.{rule}.{firing}", rule, firing, firing, f"{rule} fired {firing}", "text", f"sentence of {rule}",
        PLAIN.severity, "", PAIR, at, at, 100.0, firing, State.COMPLETE, False, False,
    )  # fmt: skip


class Box:
    """A journal, with firings of rules, and who delivers them; time is moved by hand.

    Attributes:
        die: called before and after each transaction with what it is; raises Killed to end the process there.
    """

    def __init__(self, folder: Path, rules: dict[str, AlertRule], *, outward: bool = True) -> None:
        self.folder = folder
        self.outward = outward
        self.clock = ManualClock(T0)
        self.bell = Bell()
        self.timers = HandTimers(self.clock, self.bell)
        self.journal = Journal(folder, outward=outward)
        if not self.journal.rules():
            self.journal.add({name: (rule, begin(rule)) for name, rule in rules.items()}, T0)
        self.counts = dict.fromkeys(rules, 0)
        self.told: list[tuple[str, int]] = []
        self.events: list[tuple[str, str, str]] = []
        self.changed: list[tuple[str, int]] = []
        self.die: Callable[[str], None] = lambda _where: None
        self.delivering: Delivering | None = None
        self.outwards: list[Outward] = []

    def fire(self, *rules: str) -> None:
        """One firing of each, in one transaction."""
        self.clock.advance(1)
        steps = []
        for rule in rules:
            self.counts[rule] += 1
            self.told.append((rule, self.counts[rule]))
            steps.append(fired(rule, self.counts[rule], T0 + len(self.told)))
        self.journal.commit(steps, {}, self.clock.now_ns())
        if self.delivering is not None:
            self.delivering.wake()

    def reopen(self) -> None:
        """As the next process does."""
        self.journal.close()
        self.journal = Journal(self.folder, outward=self.outward)

    async def do(self, ask: Callable[[Connection], T]) -> T:
        self.die("before")
        found = self.journal.work(ask)
        self.die("after")
        self.bell.ring()
        return found

    async def read(self, keys: Sequence[tuple[str, int]]) -> Sequence[Alert]:
        return [alert_of(self.journal.name, *key) for key in keys]

    def tell(self, level: str, code: str, subject: str, message: str) -> None:
        self.events.append((code, subject, message))
        self.bell.ring()

    def codes(self) -> list[tuple[str, str]]:
        return [(code, subject) for code, subject, _ in self.events]

    def hook(self, end: End, name: str = "hook", **more: Any) -> Webhook:
        outward = self.outward_of(**more)
        return Webhook(name, end.url(), SECRET, outward, self.clock)

    def outward_of(self, **more: Any) -> Outward:
        made = Outward(self.clock, **{"private": True, "timeout_s": PATIENT_S, **more})
        self.outwards.append(made)
        return made

    async def close(self) -> None:
        """What the end of a process closes."""
        for each in self.outwards:
            await each.close()
        self.outwards.clear()

    def deliver(
        self, senders: Iterable[Sender], pusher: Pusher | None = None, *, seed: int = 1, **more: Any
    ) -> Delivering:
        self.delivering = Delivering(
            list(senders), pusher, self.do, self.read, self.clock, Random(seed), self.tell,
            outward=self.outward, timers=self.timers, changed=self.changed.extend, **more,
        )  # fmt: skip
        return self.delivering

    @asynccontextmanager
    async def running(
        self, senders: Iterable[Sender], pusher: Pusher | None = None, **more: Any
    ) -> AsyncIterator[Delivering]:
        """Deliver meanwhile."""
        made = self.deliver(senders, pusher, **more)
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.close()

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Move time to the next timer whenever there is one, until it holds."""
        while not condition():
            await self.bell.until(lambda: self.timers.pending or condition(), what)
            if not condition() and self.timers.pending:
                first = min(each.when for each in self.timers.pending)
                self.timers.advance(max(0, first - self.clock.monotonic_ns()) / NS_PER_S + 1e-9)
            self.bell.ring()
            await asyncio.sleep(0)  # house: sleep - a turn for the others, no time

    # --- what is in it

    def deliveries(self, channel: str | None = None) -> list[Delivery]:
        def ask(connection: Connection) -> list[Delivery]:
            keys = [
                (row.rule, row.firing)
                for row in connection.execute(select(DELIVERIES.c.rule, DELIVERIES.c.firing))
            ]
            found = outbox.of_alerts(connection, keys)
            return [each for key in self.told for each in found.get(key, ())]

        return [each for each in self.journal.work(ask) if channel in (None, each.channel)]

    def states(self, channel: str | None = None) -> set[str]:
        return {str(each.state) for each in self.deliveries(channel)}

    def keys(self, *rules: str) -> list[str]:
        """The alerts of these rules (all, if none is named), in the order in which they were told."""
        return [
            f"{self.journal.name}.{rule}.{firing}" for rule, firing in self.told if not rules or rule in rules
        ]


def arrived(end: End) -> list[str]:
    """The alerts that a receiver has which knows a repeat by its key, in the order of their coming.

    Fails where a repeat is another message than the first.
    """
    first: dict[str, bytes] = {}
    order: list[str] = []
    for each in end.taken:
        if each.key in first:
            assert first[each.key] == each.body, "a repeat is the same message"
            continue
        first[each.key] = each.body
        order += each.said["keys"]
    return order


def browser(end: End, number: int = 1, label: str = "") -> PushSubscription:
    """A subscription at a push service that is `end`."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from bethna.net.web_push import _text

    key = ec.derive_private_key(number + 1, ec.SECP256R1()).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return PushSubscription(end.url(f"/push/{number}"), _text(point), _text(bytes(16)), label)
