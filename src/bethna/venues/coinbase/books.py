"""What one socket must remember of the books that it carries: which began, and which can no longer be believed.

Rules
  1. A snapshot begins a book, or begins it anew: it is sound from then on, whatever was before.
  2. When a change of a book is lost or cannot be read, what this socket says of the book is wrong from then on. That is
     said once, and no change of it is handed on until its next snapshot.
  3. A book of which no snapshot was seen here is nobody's yet: its changes are handed on, its losses are not told.
  4. A change that is older by the venue's time than one before it came out of order, and which of the two stands in the
     book is wrong. (None of 6,272 recorded ones is.) A venue whose times run back by themselves would be asked for
     snapshots for ever: after `MOST_TURNS` of one book its times are not believed on this socket any more.
"""

from __future__ import annotations

from msgspec import ValidationError

# A venue that makes up names must not fill our memory; Coinbase has below a thousand products.
MOST_BOOKS = 4096
MOST_TURNS = 5


class SocketBooks:
    """The books of one socket by product id.

    Attributes:
        due: doubts that are still to be told, product id to reason.
    """

    def __init__(self) -> None:
        self.due: dict[str, str] = {}
        self._sound: dict[str, bool] = {}
        self._newest: dict[str, int] = {}
        self._turns: dict[str, int] = {}

    def begin(self, product: str) -> None:
        """A snapshot came (rule 1). Raises ValidationError when no socket carries so many books."""
        if product not in self._sound and len(self._sound) >= MOST_BOOKS:
            raise ValidationError(f"expected at most {MOST_BOOKS} books on a socket, found another")
        self._sound[product] = True
        self._newest.pop(product, None)

    def believed(self, product: str) -> bool:
        """Whether a change of it may be handed on (rules 2 and 3)."""
        return self._sound.get(product, True)

    def lost(self, product: str, reason: str) -> None:
        """Something of one book was lost (rule 2)."""
        if self._sound.get(product, False):
            self._sound[product] = False
            self.due[product] = reason

    def in_order(self, product: str, ts: int) -> bool:
        """Whether a change of this time, ns UTC, follows those before it; one that does not is a loss (rule 4)."""
        newest = self._newest.get(product, ts)
        if ts >= newest:
            if product in self._sound:
                self._newest[product] = ts
            return True
        turns = self._turns[product] = self._turns.get(product, 0) + 1
        if turns > MOST_TURNS:
            return True
        self.lost(product, f"a change came {(newest - ts) / 1e6:.3f} ms behind a later one")
        return False

    def lost_any(self, reason: str) -> None:
        """Something was lost, and nobody knows of which book."""
        for product in self._sound:
            self.lost(product, reason)

    def take_due(self) -> dict[str, str]:
        """The doubts that are to be told now."""
        due, self.due = self.due, {}
        return due
