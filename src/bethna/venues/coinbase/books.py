"""What one socket must remember of the books that it carries: which began, and which can no longer be believed.

Rules
  1. A snapshot begins a book, or begins it anew: it is sound from then on, whatever was before.
  2. When a change of a book is lost or cannot be read, what this socket says of the book is wrong from then on. That is
     said once, and no change of it is handed on until its next snapshot.
  3. A book of which no snapshot was seen here is nobody's yet: its changes are handed on, its losses are not told.
"""

from __future__ import annotations

from msgspec import ValidationError

# A venue that makes up names must not fill our memory; Coinbase has below a thousand products.
MOST_BOOKS = 4096


class SocketBooks:
    """The books of one socket by product id.

    Attributes:
        due: doubts that are still to be told, product id to reason.
    """

    def __init__(self) -> None:
        self.due: dict[str, str] = {}
        self._sound: dict[str, bool] = {}

    def begin(self, product: str) -> None:
        """A snapshot came (rule 1). Raises ValidationError when no socket carries so many books."""
        if product not in self._sound and len(self._sound) >= MOST_BOOKS:
            raise ValidationError(f"expected at most {MOST_BOOKS} books on a socket, found another")
        self._sound[product] = True

    def believed(self, product: str) -> bool:
        """Whether a change of it may be handed on (rules 2 and 3)."""
        return self._sound.get(product, True)

    def lost(self, product: str, reason: str) -> None:
        """Something of one book was lost (rule 2)."""
        if self._sound.get(product, False):
            self._sound[product] = False
            self.due[product] = reason

    def lost_any(self, reason: str) -> None:
        """Something was lost, and nobody knows of which book."""
        for product in self._sound:
            self.lost(product, reason)

    def take_due(self) -> dict[str, str]:
        """The doubts that are to be told now."""
        due, self.due = self.due, {}
        return due
