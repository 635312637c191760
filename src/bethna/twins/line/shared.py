"""What a venue's connections have in common; it holds things together and does nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from bethna.twins.faults.faults import Faults
from bethna.twins.line.agenda import Agenda
from bethna.twins.line.ledger import Ledger
from bethna.twins.line.limits import Rules
from bethna.twins.line.speech import Speech
from bethna.twins.line.stale import DelayedBooks
from bethna.twins.line.topics import Board
from bethna.twins.market.world import World

if TYPE_CHECKING:
    from bethna.twins.line.connection import Connection


class Shared:
    """The venue's parts.

    Attributes:
        advance: let everything happen until an instant; every call from outside begins with it.
        standing: connections that are attached and have not ended, by number.
        accepted: connections so far, ended ones and those that were never attached included.
        troubled: a fault that strikes frames is active.
        refusals: subscriptions refused by a fault. frames: sent on connections that have ended.
        endings: why connections ended.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        rules: Rules,
        speech: Speech,
        seed: int,
        *,
        advance: Callable[[int], None],
    ) -> None:
        self.world = world
        self.faults = faults
        self.rules = rules
        self.speech = speech
        self.seed = seed
        self.advance = advance
        self.agenda = Agenda()
        self.board = Board(world, self.agenda, speech.wrap)
        self.ledger = Ledger(rules.kept_losses)
        self.stale = DelayedBooks(world)
        self.standing: dict[int, Connection] = {}
        self.accepted = 0
        self.troubled = False
        self.refusals = 0
        self.frames = 0
        self.endings: Counter[str] = Counter()

    @property
    def venue_now(self) -> int:
        """The venue's clock."""
        return self.world.now + self.world.clock_offset_ns
