"""What the venue's connections have in common; it holds things together and does nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from bethna.twins.binance.agenda import Agenda
from bethna.twins.binance.ledger import Ledger
from bethna.twins.binance.limits import Limits, Rules
from bethna.twins.binance.topics import Board
from bethna.twins.faults.faults import Faults
from bethna.twins.market.world import World


class Shared:
    """The venue's parts.

    Attributes:
        advance: let everything happen until an instant; every call from outside begins with it.
        troubled: a fault that strikes frames is active.
        refusals: SUBSCRIBE frames refused by a fault. frames: sent on connections that have ended.
        endings: why connections ended.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        rules: Rules,
        seed: int,
        *,
        advance: Callable[[int], None],
    ) -> None:
        self.world = world
        self.faults = faults
        self.rules = rules
        self.seed = seed
        self.advance = advance
        self.agenda = Agenda()
        self.board = Board(world, self.agenda)
        self.ledger = Ledger(rules.kept_losses)
        self.limits = Limits(rules)
        self.troubled = False
        self.refusals = 0
        self.frames = 0
        self.endings: Counter[str] = Counter()

    @property
    def venue_now(self) -> int:
        """The venue's clock."""
        return self.world.now + self.world.clock_offset_ns
