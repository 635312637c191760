"""How far in the venue's time a trade stream is known: up to there every trade is here, and a quiet time was quiet.

Time alone proves nothing: a stream that hangs looks like a market that rests. It keeps one instant and no trades.

Rules
  1. A trade that left in order carries the frontier to its own time.
  2. So does the venue's word that its newest trade is one that we have, to the time of that word less `WORD_NS`: what
     it counted may be a moment old.
  3. Whatever else the venue says of the instrument carries it to `LAG_NS` before that: a trade stream that lags further
     behind the others is found by the venue's word before (rule 4).
     After a stretch in which nothing was heard for longer than that, it carries nothing until a trade or a word from
     after the stretch has shown what happened in it.
  4. While a gap is open, or the venue has named a trade that is not here, only rule 1 holds.
  5. A venue's time that is ahead of what its clock was measured to say carries nothing further than that clock, and one
     such lie leaves nothing behind.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_S

WORD_NS = NS_PER_S // 2
LAG_NS = 5 * NS_PER_S


class Frontier:
    """One instrument's. Instants are ns UTC by the venue's clock.

    Attributes:
        until: how far it has come by rules 2 and 3; trades may be further (rule 1).
    """

    __slots__ = ("_blind_until", "_heard", "_word", "until")

    def __init__(self) -> None:
        self.until = 0
        self._word = 0
        self._heard = 0
        self._blind_until = 0

    def agreed(self, ts_event: int) -> None:
        """The venue's newest trade at `ts_event` is here."""
        self._word = ts_event

    def tick(self, heard: int, traded: int, clock: int, *, whole: bool) -> None:
        """Let time pass.

        Args:
            heard, traded: the venue's time of the newest event of any kind and of the newest trade, 0 before one.
            clock: the venue's clock as measured, 0 before that.
            whole: no gap is open and no newer trade was named.
        """
        if clock:
            heard = min(heard, clock)  # rule 5
        if heard - self._heard > LAG_NS:
            self._blind_until = heard  # rule 3, second half
        self._heard = max(self._heard, heard)
        if not whole:  # rule 4
            self._word = 0
            return
        sees = max(self._word, traded) >= self._blind_until
        proven = max(self._word - WORD_NS, heard - LAG_NS if sees else 0)
        self.until = max(self.until, min(proven, clock) if clock else proven)

    def end(self, heard: int) -> None:
        """Nothing more will come: what was heard last is how far it goes."""
        self.until = max(self.until, heard)
