"""Rules as sentences that `sentence.parse` reads as the same rule; it reads none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

from bethna.core.alerts import (
    AlertRule,
    AnyOf,
    Condition,
    Doubt,
    ExpiryNear,
    IndicatorIs,
    Leaf,
    OptionIs,
    PnlIs,
    PositionIs,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    Repeat,
    Severity,
    Side,
    SignalGiven,
    SpreadIs,
    SystemIs,
    VolumeIs,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.words import KEY, UNIT_NS


def say(rule: AlertRule) -> str:
    """The rule as a sentence."""
    joined = " or " if isinstance(rule.condition, AnyOf) else " and "
    said = [joined.join(_say_leaf(part) for part in parts_of(rule.condition))]
    said += [f"again {side} {_number(level)}" for side, level in _again(rule.condition)]
    said.append(_repeat(rule))
    if rule.hold_ns:
        said.append(f"for {_length(rule.hold_ns)}")
    if rule.cooldown_ns:
        said.append(f"cooldown {_length(rule.cooldown_ns)}")
    if rule.expires is not None:
        said.append(f"until {_instant(rule.expires)}")
    if rule.already:
        said.append("also if already")
    if rule.doubt is not Doubt.FIRE:
        said.append("only on complete data" if rule.doubt is Doubt.COMPLETE_ONLY else "tell when unknown")
    if rule.severity is not Severity.INFO:
        said.append(str(rule.severity))
    if rule.channels:
        said.append(f"via {' and '.join(rule.channels)}")
    if rule.quiet is not None:
        said.append(f"quiet {_clock(rule.quiet.start)}-{_clock(rule.quiet.end)} {rule.quiet.zone}")
    if rule.note:
        said.append(f"note {rule.note}")
    return ", ".join(said)


def _repeat(rule: AlertRule) -> str:
    match rule.repeat:
        case Repeat.ONCE:
            return "once"
        case Repeat.EVERY:
            return "every time"
        case Repeat.PER_BAR:
            return f"once per {rule.bar} bar"
        case _:
            assert_never(rule.repeat)


def _say_leaf(leaf: Leaf) -> str:
    match leaf:
        case PriceIs():
            return f"{leaf.instrument} is {leaf.side} {_number(leaf.level)}"
        case PriceCrosses():
            way = {Way.UP: "above ", Way.DOWN: "below ", Way.EITHER: ""}[leaf.way]
            return f"{leaf.instrument} crosses {way}{_number(leaf.level)}"
        case PriceChannel():
            margin = f" margin {_number(leaf.margin)}" if leaf.margin else ""
            return f"{leaf.instrument} {leaf.passage} {_number(leaf.low)} to {_number(leaf.high)}{margin}"
        case PriceMoves():
            return f"{leaf.instrument} moves {leaf.way} {_number(leaf.percent)}% in {_length(leaf.window_ns)}"
        case VolumeIs():
            return f"{leaf.instrument} volume above {_number(leaf.quantity)} in {_length(leaf.window_ns)}"
        case SpreadIs():
            return f"{leaf.instrument} spread above {_number(leaf.basis_points)} bps"
        case IndicatorIs():
            part = f" {leaf.part}" if leaf.part else ""
            against = leaf.other or _number(leaf.level or 0.0)
            return f"{leaf.instrument} {leaf.interval} {leaf.indicator}{part} {leaf.side} {against}"
        case SignalGiven():
            return f"{leaf.instrument} signal above {_number(leaf.confidence)}%"
        case SystemIs() | OptionIs() | PositionIs() | PnlIs() | ExpiryNear():
            raise ConfigError(
                KEY, "expected a condition of prices or bars, found one that has no sentence yet"
            )
        case _:
            assert_never(leaf)


def _again(condition: Condition) -> list[tuple[Side, float]]:
    return [
        (side, part.rearm)
        for part in parts_of(condition)
        if isinstance(part, PriceIs | PriceCrosses)
        and part.rearm is not None
        and (side := back(part)) is not None
    ]


def _number(figure: float) -> str:
    whole = f"{figure:,.10f}".rstrip("0").rstrip(".")
    return whole if float(whole.replace(",", "")) == figure else repr(figure)


def _length(length_ns: int) -> str:
    for unit in ("w", "d", "h", "m", "s"):
        if length_ns % UNIT_NS[unit] == 0:
            return f"{length_ns // UNIT_NS[unit]}{unit}"
    return f"{length_ns / UNIT_NS['ms']:.6f}".rstrip("0").rstrip(".") + "ms"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _instant(ts: int) -> str:
    moment = datetime.fromtimestamp(ts // NS_PER_S, UTC)
    micros = f".{ts % NS_PER_S // 1_000:06}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{micros}Z"


def back(part: PriceIs | PriceCrosses) -> Side | None:
    """On which side of its level a price is when a condition is over."""
    if isinstance(part, PriceIs):
        return Side.BELOW if part.side is Side.ABOVE else Side.ABOVE
    return {Way.UP: Side.BELOW, Way.DOWN: Side.ABOVE}.get(part.way)
