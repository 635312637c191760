"""Rules as sentences that `sentence.parse` reads as the same rule; it reads none.

Every rule has a sentence, also one that `rules.check` would refuse; what is read as the same is a rule that it takes.
"""

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
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.other_sentences import say_other
from bethna.logic.alerts.words import say_length, say_number

_LAST_S = 253_402_300_799
"""The last second of the year 9999."""


def say(rule: AlertRule) -> str:
    """The rule as a sentence."""
    said = [say_condition(rule.condition)]
    said += [f"again {side} {say_number(level)}" for side, level in _again(rule.condition)]
    said.append(_repeat(rule))
    if rule.hold_ns:
        said.append(f"for {say_length(rule.hold_ns)}")
    if rule.cooldown_ns:
        said.append(f"cooldown {say_length(rule.cooldown_ns)}")
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


def say_condition(condition: Condition) -> str:
    """The condition alone, without its re-arm levels."""
    joined = " or " if isinstance(condition, AnyOf) else " and "
    return joined.join(_say_leaf(part) for part in parts_of(condition))


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
            return f"{leaf.instrument} is {leaf.side} {say_number(leaf.level)}"
        case PriceCrosses():
            way = {Way.UP: "above ", Way.DOWN: "below ", Way.EITHER: ""}[leaf.way]
            return f"{leaf.instrument} crosses {way}{say_number(leaf.level)}"
        case PriceChannel():
            margin = f" margin {say_number(leaf.margin)}" if leaf.margin else ""
            return (
                f"{leaf.instrument} {leaf.passage} {say_number(leaf.low)} to {say_number(leaf.high)}{margin}"
            )
        case PriceMoves():
            return f"{leaf.instrument} moves {leaf.way} {say_number(leaf.percent)}% in {say_length(leaf.window_ns)}"
        case VolumeIs():
            return (
                f"{leaf.instrument} volume above {say_number(leaf.quantity)} in {say_length(leaf.window_ns)}"
            )
        case SpreadIs():
            return f"{leaf.instrument} spread above {say_number(leaf.basis_points)} bps"
        case IndicatorIs():
            part = f" {leaf.part}" if leaf.part else ""
            against = leaf.other.replace(").", ") ") or say_number(leaf.level or 0.0)
            return f"{leaf.instrument} {leaf.interval} {leaf.indicator}{part} {leaf.side} {against}"
        case SignalGiven():
            return f"{leaf.instrument} signal above {say_number(leaf.confidence)}%"
        case SystemIs() | OptionIs() | PositionIs() | PnlIs() | ExpiryNear():
            return say_other(leaf)
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


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _instant(ts: int) -> str:
    moment = datetime.fromtimestamp(min(max(ts // NS_PER_S, 0), _LAST_S), UTC)
    micros = f".{ts % NS_PER_S // 1_000:06}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{micros}Z"


def back(part: PriceIs | PriceCrosses) -> Side | None:
    """On which side of its level a price is when a condition is over."""
    if isinstance(part, PriceIs):
        return Side.BELOW if part.side is Side.ABOVE else Side.ABOVE
    return {Way.UP: Side.BELOW, Way.DOWN: Side.ABOVE}.get(part.way)
