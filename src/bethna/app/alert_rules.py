"""What is said of rules beside how they are judged: their lines on a chart, how many may be armed; it judges none."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bethna.config import Settings
from bethna.core.alert_views import AlertLimits, LevelLine, LevelRole, RuleView
from bethna.core.alerts import AlertRule, Leaf, PriceChannel, PriceCrosses, PriceIs, SystemIs
from bethna.core.errors import BethnaError, ConfigError, LimitReached, cut
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rules import waits_for, watched_by
from bethna.logic.alerts.saying import say
from bethna.services.alerting import ArmedRule
from bethna.venues.registry import spec_for


def lines_of(rule: AlertRule) -> tuple[LevelLine, ...]:
    """What of a rule can be drawn on a chart."""
    found: list[LevelLine] = []
    for index, part in enumerate(parts_of(rule.condition)):
        match part:
            case PriceIs() | PriceCrosses():
                found.append(LevelLine(part.instrument, LevelRole.LEVEL, part.level, index))
                if part.rearm is not None:
                    found.append(LevelLine(part.instrument, LevelRole.REARM, part.rearm, index))
            case PriceChannel():
                found.append(LevelLine(part.instrument, LevelRole.LOW, part.low, index))
                found.append(LevelLine(part.instrument, LevelRole.HIGH, part.high, index))
            case _:
                pass
    return tuple(found)


def view_of(armed: ArmedRule) -> RuleView:
    """A rule as people see it."""
    return RuleView(
        armed.name, armed.version, armed.rule, say(armed.rule), armed.state, armed.unknown,
        waits_for(armed.rule.condition), armed.armed, lines_of(armed.rule),
    )  # fmt: skip


_MARKET = frozenset({"price", "up", "down", "volume", "spread", "indicator", "best", "option"})


def _kinds(rule: AlertRule) -> set[str]:
    return {watched_by(part).kind for part in parts_of(rule.condition)}


def _is_of_prices(rule: AlertRule) -> bool:
    return bool(_kinds(rule) & _MARKET)


def _is_of_signals(rule: AlertRule) -> bool:
    return "signal" in _kinds(rule)


def waiting_parts(rule: AlertRule) -> list[Leaf]:
    """Parts whose source is not there yet: their instruments need not be followed."""
    return [part for part in parts_of(rule.condition) if waits_for(part)]


def check_venues(rule: AlertRule) -> None:
    """Refuse a venue that there is not. Raises ConfigError with the nearest."""
    for part in parts_of(rule.condition):
        if isinstance(part, SystemIs) and part.about and "@" not in part.about:
            spec_for(part.about)


def numbered(error: BethnaError, number: int, of: int) -> BethnaError:
    """The same error, saying which of several rules it is about."""
    if of > 1:
        error.message = f"rule {number} of {of}: {error.message}"
        error.args = (error.message,)
    return error


def limits_of(settings: Settings, armed: Sequence[AlertRule]) -> AlertLimits:
    """How many may be armed, and are."""
    return AlertLimits(
        settings.alert_price_rules, sum(map(_is_of_prices, armed)), settings.alert_signal_rules,
        sum(map(_is_of_signals, armed)), settings.alert_notifications, settings.alert_toast_s,
    )  # fmt: skip


def check_room(settings: Settings, armed: Sequence[AlertRule], new: Sequence[AlertRule]) -> None:
    """Raises LimitReached: with the new ones they are more than the settings allow."""
    for most, counts, setting, what in (
        (settings.alert_price_rules, _is_of_prices, "alert_price_rules", "prices"),
        (settings.alert_signal_rules, _is_of_signals, "alert_signal_rules", "signals"),
    ):
        added, there = sum(map(counts, new)), sum(map(counts, armed))
        if added and there + added > most:
            raise LimitReached(
                setting, f"expected at most {most} armed rules of {what}, found {there} and {added} more"
            )


def check_zone(rule: AlertRule) -> None:
    """Raises ConfigError: its quiet hours are of a zone that there is not."""
    if rule.quiet is None:
        return
    try:
        ZoneInfo(rule.quiet.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones is none
        raise ConfigError(
            "quiet", f"expected a zone such as Europe/Berlin, found {cut(rule.quiet.zone)!r}"
        ) from None
