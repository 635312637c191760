"""The whole venue: who may ask, what is denied, what is answered, and how long it stays; `line` does the rest.

It opens no socket and has no streams: an upgrade is answered with 404.

Rules
  1. A key is for one host. With the other one's, or at the paid host without any, nothing is answered.
  2. Every request counts, also one that a fault answers.
  3. 429 says how long to wait every other time only. A fault does so unless its `retry_after_s` is 0.
  4. A good answer stays what it is for a while, whoever asks again: candles for a quarter of an hour.
  5. A failing venue says so in turn as a page in HTML and in three shapes of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from bethna.core.clock import seconds
from bethna.twins.coingecko import errors, rest
from bethna.twins.coingecko.errors import Reply
from bethna.twins.coingecko.index import Index
from bethna.twins.coingecko.limits import Limits, Rules
from bethna.twins.coingecko.words import WORDS
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.faults import Faults
from bethna.twins.line import connection as line
from bethna.twins.line import denials
from bethna.twins.line.limits import retry_after_s
from bethna.twins.line.seam import Answer
from bethna.twins.line.speech import Speech
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.world import World

JSON = "application/json; charset=utf-8"
DEMO_HEADER, PRO_HEADER = "x-cg-demo-api-key", "x-cg-pro-api-key"
KEYS_BEGIN = "CG-"
KEPT_ANSWERS = 200


def _silent(frame: bytes) -> bytes:
    """There are no frames."""
    return frame


class CoinGeckoTwin(VenueTwin):
    """The venue.

    Args:
        faults: what goes wrong; more may be added while it runs. rng: whence the venue's own seed; the world's if None.

    Attributes:
        index: the truth that it tells, in the caller's time.
    """

    words = WORDS

    def __init__(
        self, world: World, faults: Faults, rules: Rules | None = None, rng: Random | None = None
    ) -> None:
        self.rules = rules or Rules()
        super().__init__(world, faults, self.rules, Speech(wrong=_silent), rng)
        self.index = Index(world, self.rules.past_days)
        self._limits = Limits(self.rules)
        self._closed_until: int | None = None
        self._limited = 0
        self._failed = 0
        self._kept: dict[str, tuple[int, Reply]] = {}

    # --- time

    def advance(self, now: int) -> None:
        """Everything that happens up to `now`, and what the index was on the way."""
        while self.index.next_at <= now:
            super().advance(self.index.next_at)
            self.index.note()
        super().advance(now)

    # --- upgrades: there are none

    def accept(self, target: str, address: str, now: int) -> line.Connection | Answer:
        """Nothing is streamed."""
        return self._said(errors.plain(404, "Incorrect path. There are no streams."))

    # --- requests

    def about(self, target: str, on: str) -> tuple[str, str]:
        """The market of the path's coin, and the endpoint without its host."""
        where = rest.place(target)
        return rest.market_of(self.world, where.coin) or "", where.endpoint

    def http(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A request (rule 2)."""
        where = rest.place(target)
        plan, key = _plan(where, headers)
        self._closed_until = self._limits.count(plan, key or address, now)
        return super().http(method, target, headers, address, now)

    def answer(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A request, and no fault is in the way. `headers` by any case of their names."""
        if self._closed_until is not None:
            return self._too_many(self._closed_until, now)
        where = rest.place(target)
        refused = _wrong_key(where, headers)
        if refused is not None:
            return self._said(refused)
        if method not in ("GET", "HEAD"):
            return self._said(errors.plain(405, "Method not allowed"))
        return self._said(self._answered(where, now))

    def deny(self, fault: Fault, until: int, address: str, now: int) -> Answer:
        """A fault of requests, in the venue's words (rules 3 and 5)."""
        if fault.kind == "http_429":
            found = self._said(errors.limited())
            if fault.retry_after_s != 0:
                found.headers["Retry-After"] = str(retry_after_s(until, now))
            return found
        if fault.kind == "http_5xx":
            reply = errors.failing(fault.status, self._failed, self._shared.venue_now)
            self._failed += 1
            if reply is not None:
                return self._said(reply)
        return super().deny(fault, until, address, now)

    def limits_state(self, now: int) -> dict[str, dict[str, object]]:
        """By asker: how much was asked."""
        return self._limits.state()

    def _answered(self, where: rest.Place, now: int) -> Reply:
        """Rule 4."""
        key = repr((where.pro, where.endpoint, where.coin, sorted(where.query.items())))
        until, kept = self._kept.get(key, (now, None))
        if kept is not None and now < until:
            return kept
        offset = self.world.clock_offset_ns
        free_days = 0 if where.pro else self.rules.free_days
        reply, cache_s = rest.answer(rest.Ask(self.world, self.index, where, now + offset, offset, free_days))
        if cache_s and self.rules.caches:
            if len(self._kept) >= KEPT_ANSWERS:
                del self._kept[next(iter(self._kept))]
            self._kept.pop(key, None)
            self._kept[key] = now + seconds(cache_s), reply
        return reply

    def _too_many(self, until: int, now: int) -> Answer:
        """Rule 3."""
        found = self._said(errors.limited())
        if self._limited % 2 == 0:
            found.headers["Retry-After"] = str(retry_after_s(until, now))
        self._limited += 1
        return found

    def _said(self, reply: Reply) -> Answer:
        return Answer(reply.status, denials.headers(self._shared.venue_now, JSON), reply.body)


def build(world: World, faults: Faults, rng: Random) -> CoinGeckoTwin:
    """The venue by its own rules."""
    return CoinGeckoTwin(world, faults, rng=rng)


def _keys(where: rest.Place, headers: Mapping[str, str]) -> tuple[str, str]:
    """The keys of the free and of the paid plan that a request carries, "" for none."""
    fields = {name.lower(): value for name, value in headers.items()}
    free, paid = (
        fields.get(name) or where.query.get(name.replace("-", "_"), "") for name in (DEMO_HEADER, PRO_HEADER)
    )
    return free, paid


def _plan(where: rest.Place, headers: Mapping[str, str]) -> tuple[str, str]:
    """Whose quota a request counts against."""
    free, paid = _keys(where, headers)
    if where.pro:
        return "pro", paid
    return ("demo", free) if free else ("keyless", "")


def _wrong_key(where: rest.Place, headers: Mapping[str, str]) -> Reply | None:
    """Rule 1."""
    free, paid = _keys(where, headers)
    if where.pro and not paid:
        return (
            errors.flat(400, 10011, errors.FOR_DEMO_SAID)
            if free
            else errors.flat(401, 10002, errors.MISSING_SAID)
        )
    if not where.pro and paid:
        return errors.flat(400, 10010, errors.FOR_PRO_SAID)
    key = paid if where.pro else free
    return errors.flat(401, 10002, errors.MISSING_SAID) if key and not key.startswith(KEYS_BEGIN) else None
