"""The journal of alerts and what is read from it.

Its modules are imported when they are first spoken of, or by `load`: what they stand on takes longer to import than all
else that a desk needs, and who only looks has no alerts. It reads and writes nothing itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bethna.store.alerts import centre, journal, outbox, retention

__all__ = ["centre", "journal", "outbox", "retention"]


def load() -> None:
    """All of them, for who will have alerts: two threads that begin to import the same library at once, from different
    ends, each see it half made."""
    for name in __all__:
        import_module(f"{__name__}.{name}")


def __getattr__(name: str) -> object:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(name)
