"""CoinGecko's language: what to ask for and what the answers say; it sends nothing and asks no clock.

The bodies name no coin, so they are read together with the path that was asked. What it shows is an INDEX, an average
over exchanges in USD or EUR: no venue's price, never USDT, without volume. Joined with a venue's candles it jumps in
level: whoever does that says so.

    GET /coins/bitcoin/ohlc?vs_currency=usd&days=1  ->  [[1709395200000,61942,62211,61721,61845],...]

Rules
  1. A candle is stamped with its CLOSE, unlike everywhere else: its open is its stamp less its width.
  2. The width follows from the days that are asked: 30 minutes, 4 hours, 4 days. A width that the stamps do not have is
     not believed: candles of a day, read as of four hours, would be false figures.
  3. The last row may stand off the grid: it is the candle that is forming. It is open and begins at the last stamp that
     the grid has. Any other row off the grid is refused. A stamp that our clock has not reached closes nothing.
  4. Half hours and four hours stand on the UTC grid. Four days begin at a midnight that nobody names: the one that most
     rows of the answer agree on counts.
  5. The first row may have begun before what was asked: it is not called whole.
  6. A row with a null is left out and counted.
  7. A time more than a day ahead of our clock is refused.
  8. Ids that the venue does not know are missing from prices with HTTP 200: who asked is told which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import ValidationError

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError, excerpt_of
from bethna.core.market import IndexPrice, InstrumentId
from bethna.core.wire import UnknownMessage
from bethna.venues.coingecko import shapes, spec
from bethna.venues.coingecko.access import Access
from bethna.venues.coingecko.coins import coin_of, index_id, vs_of
from bethna.venues.coingecko.facts import (
    Coin,
    CoinList,
    Fact,
    IndexCandle,
    IndexCandlePage,
    IndexPrices,
    Pong,
    Sample,
    SamplePage,
)
from bethna.venues.coingecko.refusals import refuse, unreadable
from bethna.venues.spec import RestRequest

MOST_ASSETS: Final = 50
"""Of one question for prices."""
LAST_S: Final = (2**63 - 1) // NS_PER_S


class CoinGecko:
    """Requests and answers by one door (`access`), which says how far back may be asked."""

    def __init__(self, access: Access) -> None:
        self.access = access

    # --- requests; each counts 1

    def ping_request(self) -> RestRequest:
        """Whether it is there."""
        return _request("/ping")

    def coins_request(self) -> RestRequest:
        """All its coins, a body of megabytes."""
        return _request("/coins/list")

    def prices_request(self, assets: Iterable[str], quote: str) -> RestRequest:
        """Prices of the moment of up to `MOST_ASSETS` assets.

        Raises:
            UnknownInstrument: an asset is not pinned. ConfigError: no such quote currency, no asset or too many.
        """
        coins = tuple(dict.fromkeys(coin_of(asset) for asset in assets))
        if not 1 <= len(coins) <= MOST_ASSETS:
            raise ConfigError("assets", f"expected 1 to {MOST_ASSETS} assets, found {len(coins)}")
        vs = f"vs_currencies={vs_of(quote)}&include_last_updated_at=true"
        return _request(f"/simple/price?ids={','.join(coins)}&{vs}")

    def ohlc_request(self, asset: str, quote: str, days: int) -> RestRequest:
        """Candles of the last `days`; their width follows from that (`spec.width_of`).

        Raises:
            UnknownInstrument: the asset is not pinned. ConfigError: no such quote currency or days.
        """
        if days not in spec.OHLC_DAYS:
            choices = ", ".join(map(str, spec.OHLC_DAYS))
            raise ConfigError(
                "days",
                f"expected one of {choices}, found {days}",
                hint="candles of other stretches are not given; for them build bars of market_chart",
            )
        return _request(f"/coins/{coin_of(asset)}/ohlc?vs_currency={vs_of(quote)}&days={days}")

    def chart_request(self, asset: str, quote: str, days: int) -> RestRequest:
        """Samples of the last `days`: every 5 minutes of 1, hourly up to 90, daily of more.

        Raises:
            UnknownInstrument: the asset is not pinned. ConfigError: no such quote currency, or days beyond the plan.
        """
        most = self.access.plan.history_days or spec.MOST_DAYS
        if not 1 <= days <= most:
            raise ConfigError(
                "days",
                f"expected 1 to {most} days on the {self.access.plan.name} plan, found {days}",
                hint="older history is a venue's, or a paid plan's",
            )
        return _request(f"/coins/{coin_of(asset)}/market_chart?vs_currency={vs_of(quote)}&days={days}")

    def range_request(self, asset: str, quote: str, start: int, end: int, now: int) -> RestRequest:
        """Samples from `start` to `end`, ns UTC; up to 90 days hourly, of more daily, of the last day every 5 minutes.

        Args:
            now: ns UTC; the free plans show `spec.FREE_DAYS` days before it.

        Raises:
            UnknownInstrument: the asset is not pinned. ConfigError: no such quote currency, an end that is not behind
                the start, or a start older than the plan shows: it names the date from which there is data.
        """
        if not 0 <= start < end:
            raise ConfigError(
                "end", f"expected a start of 0 or later and an end behind it, found {start} and {end}"
            )
        self.access.check_start(start, now)
        first = start // NS_PER_S  # `earliest` is a whole second, so this is none before it
        last = min(-(-end // NS_PER_S), LAST_S)
        span = f"from={first}&to={max(last, first + 1)}"
        return _request(f"/coins/{coin_of(asset)}/market_chart/range?vs_currency={vs_of(quote)}&{span}")

    # --- answers

    def decode(
        self, path: str, raw: bytes, ts_recv: int, *, status: int = 200, retry_after: str | None = None
    ) -> Sequence[Fact]:
        """The body of the answer to `path` as facts; scheme, host and base of `path` do not matter.

        Args:
            status: of HTTP. retry_after: the header of that name.

        Raises:
            RateLimited: too much was asked. VenueAnswer: the venue says no, with what to do next.
            WireError: anything else that is not the protocol.
        """
        raw = self.access.hidden(raw)
        try:
            asked = _Asked(path)
        except ValueError as error:
            raise unreadable("this path", raw, f"a path that cannot be read ({error})") from error
        refuse(asked.path, status, raw, retry_after)
        try:
            return (_read(asked, raw, ts_recv),)
        except shapes.MALFORMED as error:
            raise unreadable(asked.path, raw, str(error)) from error


class _Asked:
    """What was asked: `path` from behind the base, its parts, and its query. Raises ValueError."""

    def __init__(self, path: str) -> None:
        found = urlsplit(path)
        _, base, behind = found.path.rpartition("/api/v3/")
        self.path = excerpt_of(f"/{behind.lstrip('/')}" if base else found.path)
        self.parts = [unquote(part) for part in self.path.split("/") if part]
        self._query = parse_qs(found.query)

    def value(self, name: str) -> str:
        """One value of the query. Raises ValidationError when it is not there."""
        values = self._query.get(name)
        if not values:
            raise ValidationError(f"no {name}= in the query that it answers")
        return values[0]

    def instrument(self, coin: str, quote_key: str) -> InstrumentId:
        """Whose figures the answer has. Raises ValidationError of what is not pinned."""
        found = index_id(coin, self.value(quote_key))
        if found is None:
            raise ValidationError(f"an answer about a coin or a currency that is not pinned: {coin[:40]!r}")
        return found

    def width(self) -> spec.Width:
        """Of the candles that were asked for. Raises ValidationError."""
        text = self.value("days")
        if not (text.isascii() and text.isdecimal() and len(text) <= 6):
            raise ValidationError(f"days= that are no number: {text[:40]!r}")
        return spec.width_of(int(text))


def _request(path: str) -> RestRequest:
    return RestRequest(path, spec.WEIGHT)


def _read(asked: _Asked, raw: bytes, ts_recv: int) -> Fact:
    match asked.parts:
        case ["ping"]:
            return Pong(excerpt_of(shapes.read_ping(raw).gecko_says))
        case ["simple", "price"]:
            return _prices(asked, raw, ts_recv)
        case ["coins", "list"]:
            return _coins(raw)
        case ["coins", coin, "ohlc"]:
            return _candles(asked.instrument(coin, "vs_currency"), asked.width(), raw, ts_recv)
        case ["coins", coin, "market_chart"] | ["coins", coin, "market_chart", "range"]:
            return _samples(asked.instrument(coin, "vs_currency"), raw, ts_recv)
        case parts:
            return UnknownMessage("/".join(parts)[:80], excerpt_of(raw))


def _prices(asked: _Asked, raw: bytes, ts_recv: int) -> IndexPrices:
    """Rule 8; one coin that cannot be read does not take the others with it."""
    vs, ids = asked.value("vs_currencies"), asked.value("ids").split(",")[:MOST_ASSETS]
    bodies = shapes.read_prices(raw)
    prices, missing = [], []
    for coin in dict.fromkeys(ids):
        found = _price(asked.instrument(coin, "vs_currencies"), vs, bodies.get(coin), ts_recv)
        if found is None:
            missing.append(coin)
        else:
            prices.append(found)
    return IndexPrices(tuple(prices), tuple(missing))


def _price(instrument: InstrumentId, vs: str, raw: bytes | None, ts_recv: int) -> IndexPrice | None:
    if raw is None:
        return None
    try:
        body = shapes.read_price(raw)
    except shapes.MALFORMED:
        return None
    value = body.usd if vs == "usd" else body.eur
    if value is None or body.last_updated_at is None:
        return None
    ts = int(body.last_updated_at) * NS_PER_S
    return IndexPrice(instrument, value, ts, ts_recv) if ts <= ts_recv + spec.DAY_NS else None


def _coins(raw: bytes) -> CoinList:
    coins, skipped = [], 0
    for row in shapes.read_rows(raw):
        try:
            body = shapes.read_coin(row)
        except shapes.MALFORMED:
            skipped += 1
        else:
            coins.append(Coin(body.id, body.symbol, body.name))
    return CoinList(tuple(coins), skipped)


def _samples(instrument: InstrumentId, raw: bytes, ts_recv: int) -> SamplePage:
    points = shapes.read_chart(raw).prices
    said = {(point.ts, point.price) for point in points if point.price is not None}
    samples = [Sample(shapes.milliseconds(ts), price) for ts, price in sorted(said)]
    skipped = sum(point.price is None for point in points)
    if any(earlier.ts == later.ts for earlier, later in pairwise(samples)):
        raise ValidationError("two prices at one instant")
    _check_past([sample.ts for sample in samples], ts_recv)
    return SamplePage(instrument, tuple(samples), skipped, ts_recv)


def _candles(instrument: InstrumentId, width: spec.Width, raw: bytes, ts_recv: int) -> IndexCandlePage:
    rows = sorted(shapes.read_ohlc(raw), key=lambda row: row.ts)
    stamps = [shapes.milliseconds(row.ts) for row in rows]
    if any(earlier == later for earlier, later in pairwise(stamps)):
        raise ValidationError("two candles of one stamp")
    _check_past(stamps, ts_recv)
    phase = _phase(stamps, width.ns)
    forming = stamps[-1:] if stamps and (stamps[-1] - phase) % width.ns else []
    _check_grid(stamps[: len(stamps) - len(forming)], width, phase)
    candles, skipped = [], 0
    for position, (stamp, row) in enumerate(zip(stamps, rows, strict=True)):
        if row.open is None or row.high is None or row.low is None or row.close is None:
            skipped += 1  # rule 6
            continue
        if not row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high:
            raise ValidationError("a candle whose low or high is inside its open and close")
        end = -(-(stamp - phase) // width.ns) * width.ns + phase  # of the forming one the end that is to come
        if end < width.ns:
            raise ValidationError("a candle before 1970")
        closed = stamp not in forming and end <= ts_recv
        candle = IndexCandle(
            instrument, width.word, end - width.ns, end, row.open, row.high, row.low, row.close,
            closed=closed, whole=position > 0, from_samples=False, ts_recv=ts_recv,
        )  # fmt: skip
        candles.append(candle)
    return IndexCandlePage(instrument, tuple(candles), skipped)


def _check_past(ascending: Sequence[int], ts_recv: int) -> None:
    """Rule 7. Raises ValidationError."""
    if ascending and ascending[-1] > ts_recv + spec.DAY_NS:
        raise ValidationError("a time that is still to come")


def _phase(stamps: Sequence[int], width_ns: int) -> int:
    """Where the grid begins (rule 4)."""
    if width_ns <= spec.DAY_NS:
        return 0
    midnights = Counter(stamp % width_ns for stamp in stamps if stamp % spec.DAY_NS == 0)
    return midnights.most_common(1)[0][0] if midnights else 0


def _check_grid(stamps: Sequence[int], width: spec.Width, phase: int) -> None:
    """Rules 2 and 3. Raises ValidationError."""
    if any((stamp - phase) % width.ns for stamp in stamps):
        raise ValidationError(f"a candle, not the last, that does not close on the grid of {width.word}")
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    if gaps and min(gaps) > width.ns:
        raise ValidationError(f"candles of another width than {width.word}")
