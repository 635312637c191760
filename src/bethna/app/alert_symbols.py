"""What the rules of a desk are about: symbols as people write them, followed or not; it judges no rule."""

from __future__ import annotations

from collections.abc import Sequence

from bethna.app.alert_ports import Ground
from bethna.app.alert_rules import waiting_parts
from bethna.app.wanted import preferred_venue
from bethna.core.alerts import AlertRule, LeafState
from bethna.core.errors import UnknownInstrument
from bethna.core.instrument import parse_name
from bethna.core.market import InstrumentId, Trade
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rules import band_of, watched_by
from bethna.logic.nearest import nearest

BEST = "best"
MOST_RECENT = 1_000_000


class Symbols:
    """Those of one desk."""

    def __init__(self, desk: Ground) -> None:
        self._desk = desk

    def resolve(self, text: str) -> InstrumentId:
        """See `AlertsDesk`; followed or not."""
        try:
            return self._desk.resolve(text)[0]
        except UnknownInstrument:
            name = parse_name(text, preferred_venue(self._desk.settings))
            line = self._desk.lines.get(name.venue)
            if not self._desk.lines:
                raise
            listed = [] if line is None else list(line.catalogue())
            if listed and not any(each.id == name.id for each in listed):
                near = tuple(nearest(name, listed))
                raise UnknownInstrument(
                    text, near, message=f"{name.venue} does not list {name.symbol[:40]}"
                ) from None
            return name.id

    async def follow(self, rule: AlertRule) -> None:
        """Follow what a rule is about, where that is not followed yet. Raises what following raises."""
        followed = {each.id for each in self._desk.instruments()}
        for part in parts_of(rule.condition):
            about = watched_by(part).about
            if "@" not in about or about.endswith(f"@{BEST}") or about in followed:
                continue
            if part in waiting_parts(rule):
                continue
            await self._desk.follow(about)

    def leaf_now(self, rule: AlertRule, index: int) -> LeafState:
        """How a part stands by the last price, as far as that says it."""
        part = parts_of(rule.condition)[index]
        watched = watched_by(part)
        price = self.price_now(InstrumentId(watched.about)) if watched.kind == "price" else None
        return LeafState.UNSEEN if price is None else band_of(part).judge(price, LeafState.UNSEEN)

    def price_now(self, instrument: InstrumentId) -> float | None:
        try:
            return self._desk.price(instrument).price
        except UnknownInstrument:
            return None

    def recent(self, instrument: InstrumentId) -> Sequence[Trade]:
        """The newest trades that the desk has, ascending."""
        try:
            return self._desk.trades(instrument, MOST_RECENT)
        except UnknownInstrument:  # it is followed in a moment
            return ()

    def decimals(self, instrument: InstrumentId) -> int:
        try:
            return self._desk.decimals(instrument)[0]
        except UnknownInstrument:  # it is not followed any more, or of all venues
            return 2
