"""How far in the venue's time a trade stream is known, and how far that is proven; it keeps instants and no trades.

Time alone proves nothing: a stream that hangs looks like a market that rests. And one stream proves nothing of another:
a book that moves says that its own frames come, not that no trade was lost or is late.

Rules
  1. A trade that left in order carries the proof to its own time: its id shows that none before it is missing.
  2. So does the venue's word that its newest trade is one that we have, to the time of that word less `WORD_NS`: what
     it counted may be a moment old.
  3. Whatever else the venue says of the instrument carries what is known to `LAG_NS` before that, and proves nothing:
     up to there nothing has come, beyond the proof it is `unverified` until a later trade or word shows that nothing
     was to come. Where a venue never names its newest trade (Kraken, Deribit, Coinbase Advanced) that is every quiet
     time, until the next trade.
     After a stretch in which nothing was heard for longer than that, it carries nothing until a trade or a word from
     after the stretch has shown what happened in it.
  4. While a gap is open, or the venue has named a trade that is not here, only rule 1 holds.
  5. A venue's time that is ahead of what its clock was measured to say carries nothing further than that clock, and one
     such lie leaves nothing behind.
  6. A clock that is set back takes back what was known beyond it.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_S

WORD_NS = NS_PER_S // 2
LAG_NS = 5 * NS_PER_S


class Frontier:
    """One instrument's. Instants are ns UTC by the venue's clock.

    Attributes:
        until: how far it is known by rules 2 and 3. proven: how far by rule 2 alone. Trades may be further (rule 1).
    """

    __slots__ = ("_blind_until", "_heard", "_word", "proven", "until")

    def __init__(self) -> None:
        self.until = 0
        self.proven = 0
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
            self._blind_until = heard  # rule 3, last sentence
        self._heard = max(self._heard, heard)
        if not whole:  # rule 4
            self._word = 0
            return
        word = self._word - WORD_NS
        self.proven = max(self.proven, min(word, clock) if clock else word)
        sees = max(self._word, traded) >= self._blind_until
        known = max(word, heard - LAG_NS if sees else 0)
        self.until = max(self.until, min(known, clock) if clock else known)

    def set_back(self, clock: int) -> None:
        """The venue's clock says an earlier time than before (rule 6)."""
        self.until, self.proven = min(self.until, clock), min(self.proven, clock)
        self._word, self._heard = min(self._word, clock), min(self._heard, clock)
        self._blind_until = min(self._blind_until, clock)

    def end(self, heard: int) -> None:
        """Nothing more will come: what was heard last is how far it goes."""
        self.until = max(self.until, heard)
