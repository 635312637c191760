"""Whether a rule makes sense, and what it watches; it evaluates nothing and knows no desk.

Rules
  1. A figure is finite; a level of a price, a quantity, a percentage and a width is above 0.
  2. What contradicts itself is refused in words: a re-arm level on the wrong side, a channel upside down, a time within
     which nothing can happen.
  3. What is watched has a source; some sources are of a later release. Such a rule is taken, and says that it waits.
  4. `BTC-USD@best` is the consolidated price of a pair, the middle of its best bid and ask. It has a price alone: it is
     not traded, has no bars, and its spread may be below 0.
"""

from __future__ import annotations

import re
from math import inf, isfinite, nextafter
from typing import assert_never
from unicodedata import category

from msgspec import Struct

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Condition,
    ExpiryNear,
    IndicatorIs,
    Leaf,
    OptionIs,
    Passage,
    PnlIs,
    PositionIs,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    Repeat,
    Side,
    SignalGiven,
    SpreadIs,
    SystemIs,
    Trouble,
    VolumeIs,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError, cut
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.alerts.bands import Band, Inside, Over, Under
from bethna.logic.alerts.machine import parts_of
from bethna.logic.indicators.registry import IndicatorSpec
from bethna.logic.indicators.registry import parse as read_indicator

LONGEST_WINDOW_NS = 7 * Interval.D1.ns
LONGEST_HOLD_NS = 31 * Interval.D1.ns
MOST_PARTS = 8
MOST_NOTE = 500
MOST_CHANNELS = 10
LARGEST = 1e18
LAST_NS = 2**63 - 1
_BEST = "@best"
# Control characters, and those that turn the text around them.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SHOW_NOTHING = ("Cc", "Cf", "Zs", "Zl", "Zp")
_ACCOUNT = re.compile(r"[A-Za-z0-9_.:@-]{1,60}", re.ASCII)
_OF_INSTRUMENTS = (Trouble.STALE, Trouble.GAP_OPEN)


class Watched(Struct, frozen=True, gc=False):
    """The figure that a part of a condition is about; equal ones share one evaluation.

    Attributes:
        kind: `price`, `up` and `down` (percent of a window), `volume`, `spread`, `indicator`, `best` (the consolidated
            price), `system`, or another source's.
        about: an instrument, a venue or an account, as the kind has it. window_ns: 0 where there is none.
        detail: what else tells figures of a kind apart.
    """

    kind: str
    about: str
    window_ns: int = 0
    detail: str = ""


BY_TRADES = frozenset({"price", "up", "down", "volume"})
"""Kinds that follow from an instrument's trades."""
_WAITING = frozenset({"option", "position", "pnl", "expiry", "signal"})


def check(rule: AlertRule, now: int) -> None:
    """Refuse what makes no sense. `now`: ns UTC.

    Raises:
        ConfigError: its key names the part, its message what was expected and found.
    """
    parts = parts_of(rule.condition)
    if isinstance(rule.condition, AllOf | AnyOf) and not 2 <= len(parts) <= MOST_PARTS:
        raise ConfigError("parts", f"expected 2 to {MOST_PARTS} conditions, found {len(parts)}")
    for part in parts:
        _check_leaf(part)
    either = any(isinstance(part, PriceCrosses) and part.way is Way.EITHER for part in parts)
    if either and (len(parts) > 1 or rule.hold_ns):
        raise ConfigError(
            "way",
            "expected a crossing up or down, found one in either direction with a hold or beside other conditions",
            hint="make two rules of it, one a direction",
        )
    _check_together(rule.condition)
    _within("hold", rule.hold_ns, LONGEST_HOLD_NS)
    _within("cooldown", rule.cooldown_ns, LONGEST_HOLD_NS)
    if (rule.repeat is Repeat.PER_BAR) is not (rule.bar is not None):
        raise ConfigError(
            "bar", "expected an interval with once per bar, and none without", hint="such as 5m"
        )
    if rule.repeat is Repeat.ONCE and rule.cooldown_ns:
        raise ConfigError(
            "cooldown",
            "expected none for a rule that fires once, found one",
            hint="say every time, or leave it out",
        )
    if rule.expires is not None and not now < rule.expires <= LAST_NS:
        found = "one that is over" if rule.expires <= now else "one after 2262"
        raise ConfigError("expires", f"expected a time that is still to come, found {found}")
    if len(rule.note) > MOST_NOTE:
        raise ConfigError("note", f"expected at most {MOST_NOTE} characters, found {len(rule.note)}")
    if unseen := _UNSEEN.search(rule.note):
        found = f"U+{ord(unseen.group()):04X}"
        raise ConfigError("note", f"expected a line of text, found {found}, which shows as nothing")
    if rule.note and all(category(each) in _SHOW_NOTHING for each in rule.note):
        raise ConfigError("note", "expected text that shows, found characters that show as nothing")
    if len(rule.channels) > MOST_CHANNELS or len(set(rule.channels)) < len(rule.channels):
        raise ConfigError("channels", f"expected at most {MOST_CHANNELS} different ones")
    quiet = rule.quiet
    if quiet is not None and (
        quiet.start == quiet.end or not all(0 <= each < 24 * 60 for each in (quiet.start, quiet.end))
    ):
        raise ConfigError("quiet", "expected two different times of the day, such as 22:00-07:00")


def is_best(instrument: InstrumentId) -> bool:
    """Whether it is a consolidated price (rule 4)."""
    return instrument.endswith(_BEST)


def watched_by(leaf: Leaf) -> Watched:
    """Whose figure it is about."""
    match leaf:
        case PriceIs() | PriceCrosses() | PriceChannel():
            return Watched("best" if is_best(leaf.instrument) else "price", leaf.instrument)
        case PriceMoves():
            return Watched(str(leaf.way), leaf.instrument, leaf.window_ns)
        case VolumeIs():
            return Watched("volume", leaf.instrument, leaf.window_ns)
        case SpreadIs():
            return Watched("spread", leaf.instrument)
        case IndicatorIs():
            against = f"-{leaf.other}" if leaf.other else ""
            return Watched(
                "indicator",
                leaf.instrument,
                leaf.interval.ns,
                f"{leaf.interval} {leaf.indicator}.{leaf.part}{against}",
            )
        case SystemIs():
            return Watched("system", leaf.about, 0, leaf.trouble)
        case OptionIs():
            return Watched("option", leaf.instrument, 0, leaf.figure)
        case PositionIs():
            return Watched("position", leaf.account, 0, "opened" if leaf.opened else "closed")
        case PnlIs():
            return Watched("pnl", leaf.account, 0, "percent" if leaf.in_percent else "amount")
        case ExpiryNear():
            return Watched("expiry", leaf.account)
        case SignalGiven():
            return Watched("signal", leaf.instrument)
        case _:
            assert_never(leaf)


def band_of(leaf: Leaf) -> Band:
    """When its figure counts."""
    match leaf:
        case PriceIs():
            return _beyond(leaf.side is Side.ABOVE, leaf.level, leaf.rearm, from_beyond=False)
        case PriceCrosses():
            return _beyond(leaf.way is not Way.DOWN, leaf.level, leaf.rearm, from_beyond=True)
        case PriceChannel():
            return Inside(leaf.low, leaf.high, leaf.margin, outside=leaf.passage is Passage.LEAVES)
        case PriceMoves():
            return Over(leaf.percent, leaf.percent)
        case VolumeIs():
            return Over(leaf.quantity, leaf.quantity)
        case SpreadIs():
            return Over(leaf.basis_points, leaf.basis_points)
        case IndicatorIs():
            return _beyond(leaf.side is Side.ABOVE, leaf.level or 0.0, None, from_beyond=False)
        case OptionIs() | PnlIs():
            return _beyond(leaf.side is Side.ABOVE, leaf.level, None, from_beyond=False)
        case SystemIs() | PositionIs():
            return Over(0.0, 1.0)  # 1 while it is so, 0 when it is not
        case ExpiryNear():
            return Under(float(leaf.within_ns), float(leaf.within_ns))
        case SignalGiven():
            least = nextafter(leaf.confidence, 0.0)
            return Over(least, least)
        case _:
            assert_never(leaf)


def waits_for(condition: Condition) -> tuple[str, ...]:
    """Sources of its parts that are not there yet (rule 3)."""
    kinds = {watched_by(part).kind for part in parts_of(condition)}
    return tuple(sorted(kinds & _WAITING))


def _beyond(above: bool, level: float, rearm: float | None, *, from_beyond: bool) -> Band:
    back = level if rearm is None else rearm
    return Over(level, back, from_beyond) if above else Under(level, back, from_beyond)


def _check_leaf(leaf: Leaf) -> None:
    match leaf:
        case PriceIs() | PriceCrosses() | PriceChannel() | PriceMoves() | VolumeIs() | SpreadIs():
            _check_market(leaf)
        case IndicatorIs():
            _not_best(leaf.instrument, "an indicator")
            _check_indicator(leaf)
        case OptionIs():
            _not_best(leaf.instrument, f"an option's {leaf.figure}")
            _finite("level", leaf.level)
        case PnlIs():
            _finite("level", leaf.level)
            _check_account(leaf.account)
        case ExpiryNear():
            _above_0("within", float(leaf.within_ns))
            _check_account(leaf.account)
        case PositionIs():
            _check_account(leaf.account)
        case SignalGiven():
            if not 0.0 < leaf.confidence <= 100.0:
                raise ConfigError("confidence", f"expected a percentage up to 100, found {leaf.confidence!r}")
        case SystemIs():
            _check_system(leaf)
        case _:
            assert_never(leaf)


def _check_indicator(leaf: IndicatorIs) -> None:
    if (leaf.level is None) is not bool(leaf.other):
        raise ConfigError("level", "expected a level or another indicator, not both and not none")
    if leaf.level is not None:
        _finite("level", leaf.level)
    name, dot, part = leaf.other.partition(").")
    for text, of in ((leaf.indicator, leaf.part), (name + ")" if dot else name, part)):
        if not text:
            continue
        found = read_indicator(text, leaf.interval)
        parts = found.spec.parts
        if found.text != text:
            raise ConfigError("indicator", f"expected {found.text}, found {text}")
        if (of not in parts) if len(parts) > 1 else of:
            raise ConfigError("part", f"expected {_one_of(parts)} of {text}, found {of!r}")
    if leaf.other and leaf.other == (f"{leaf.indicator}.{leaf.part}" if leaf.part else leaf.indicator):
        raise ConfigError("other", "expected another indicator, found the same one twice")
    if leaf.level is not None:
        _check_indicator_level(read_indicator(leaf.indicator, leaf.interval).spec, leaf.indicator, leaf.level)


def _check_indicator_level(spec: IndicatorSpec, said: str, level: float) -> None:
    if spec.machine.free:
        raise ConfigError(
            "level", f"expected an indicator that has a level, found {said}",
            hint="it counts from where one begins to look: only its changes mean something",
        )  # fmt: skip
    if spec.within is not None and not spec.within[0] < level < spec.within[1]:
        low, high = spec.within
        raise ConfigError(
            "level",
            f"expected more than {low:g} and less than {high:g}, found {level:g}",
            hint=f"{said} is never beyond these",
        )


def _one_of(parts: tuple[str, ...]) -> str:
    return f"one of {', '.join(parts)}" if len(parts) > 1 else "no part"


def _check_system(leaf: SystemIs) -> None:
    of_instrument = leaf.trouble in _OF_INSTRUMENTS
    if leaf.about and of_instrument is not ("@" in leaf.about):
        wanted = "an instrument such as BTC-USDT" if of_instrument else "a venue"
        raise ConfigError("about", f"expected {wanted} for {leaf.trouble}, found {leaf.about}")
    if of_instrument:
        _not_best(InstrumentId(leaf.about), str(leaf.trouble))


def _check_account(account: str) -> None:
    if account and not _ACCOUNT.fullmatch(account):
        raise ConfigError("account", f"expected letters, digits and . _ : @ -, found {cut(account)!r}")


def _not_best(instrument: InstrumentId, what: str) -> None:
    """Rule 4."""
    if is_best(instrument):
        raise ConfigError(
            "instrument", f"expected a price for {instrument}, found {what}",
            hint="the consolidated price has a price alone: name one venue",
        )  # fmt: skip


def _check_market(leaf: PriceIs | PriceCrosses | PriceChannel | PriceMoves | VolumeIs | SpreadIs) -> None:
    match leaf:
        case PriceIs():
            _above_0("level", leaf.level)
            _check_rearm(leaf.side is Side.ABOVE, leaf.level, leaf.rearm)
        case PriceCrosses():
            _above_0("level", leaf.level)
            if leaf.way is Way.EITHER and leaf.rearm is not None:
                raise ConfigError("again", "expected none for a crossing in either direction, found one")
            _check_rearm(leaf.way is Way.UP, leaf.level, leaf.rearm)
        case PriceChannel():
            _check_channel(leaf)
        case PriceMoves():
            _not_best(leaf.instrument, "a move")
            _above_0("percent", leaf.percent)
            if leaf.way is Way.EITHER:
                raise ConfigError("way", "expected up or down", hint="use any of both for either")
            if leaf.way is Way.DOWN and leaf.percent >= 100.0:
                raise ConfigError("percent", f"expected less than 100 down, found {leaf.percent:g}")
            _check_window(leaf.window_ns)
        case VolumeIs():
            _not_best(leaf.instrument, "a volume")
            _above_0("quantity", leaf.quantity)
            _check_window(leaf.window_ns)
        case SpreadIs():
            _not_best(leaf.instrument, "a spread")
            _above_0("basis_points", leaf.basis_points)
        case _:
            assert_never(leaf)


def _check_channel(leaf: PriceChannel) -> None:
    _above_0("low", leaf.low)
    _above_0("high", leaf.high)
    if leaf.low >= leaf.high:
        raise ConfigError(
            "channel", f"expected a lower and then a higher edge, found {leaf.low:g} and {leaf.high:g}"
        )
    if not (isfinite(leaf.margin) and 0.0 <= leaf.margin < leaf.low):
        raise ConfigError("margin", f"expected 0 or more and below {leaf.low:g}, found {leaf.margin!r}")


def _check_together(condition: Condition) -> None:
    """Rule 2: figures that cannot be true at once."""
    if not isinstance(condition, AllOf):
        return
    if len(set(condition.parts)) < len(condition.parts):
        raise ConfigError("parts", "expected different conditions, found one twice")
    ranges: dict[Watched, tuple[float, float]] = {}
    for part in condition.parts:
        match part:
            case PriceIs() | OptionIs() | PnlIs() | IndicatorIs():
                level = part.level or 0.0  # of two indicators the difference
                asked = (level, inf) if part.side is Side.ABOVE else (-inf, level)
            case PriceCrosses():
                asked = (part.level, inf) if part.way is Way.UP else (-inf, part.level)
            case PriceChannel(passage=Passage.ENTERS):
                asked = (part.low, part.high)
            case _:
                continue
        watched = watched_by(part)
        low, high = ranges.get(watched, (-inf, inf))
        low, high = ranges[watched] = max(low, asked[0]), min(high, asked[1])
        if low >= high:
            words = " ".join(filter(None, (watched.about or watched.kind, watched.detail)))
            found = f"{words} above {low:g} and below {high:g}"
            raise ConfigError(
                "parts", f"expected conditions that can be true at once, found {found}", hint="say any of"
            )


def _check_rearm(above: bool, level: float, rearm: float | None) -> None:
    if rearm is None:
        return
    _above_0("again", rearm)
    if (rearm > level) if above else (rearm < level):
        side, word = ("below", "above") if above else ("above", "below")
        raise ConfigError(
            "again", f"expected a level at or {side} {level:g} for a rule {word} it, found {rearm:g}"
        )


def _check_window(window_ns: int) -> None:
    if not NS_PER_S <= window_ns <= LONGEST_WINDOW_NS:
        raise ConfigError("window", "expected 1 s to 7 days", hint="longer ones need indicators of bars")


def _within(key: str, length_ns: int, most: int) -> None:
    if not 0 <= length_ns <= most:
        raise ConfigError(key, f"expected 0 s to {most // Interval.D1.ns} days")


def _above_0(key: str, figure: float) -> None:
    if not (isfinite(figure) and figure > 0.0):
        raise ConfigError(key, f"expected a number above 0, found {figure!r}")
    if figure > LARGEST:
        raise ConfigError(key, f"expected a number up to {LARGEST:g}, found {figure!r}")


def _finite(key: str, figure: float) -> None:
    if not isfinite(figure):
        raise ConfigError(key, f"expected a number, found {figure!r}")
