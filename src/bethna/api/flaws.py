"""What is wrong with something that should have been of a type, in words; it reads no request."""

from __future__ import annotations

from msgspec import ValidationError

from bethna.core.errors import cut


def flaw_of(error: ValidationError) -> tuple[str, str]:
    """Where, and what was expected and found: `condition.level`, `expected float, found str`."""
    what, _, place = str(error).replace("`", "").partition(" - at $")
    if "unknown field" in what:
        what = f"expected a field that it has, found {cut(what.rpartition(' ')[2])!r}"
    elif "missing required field" in what:
        what = f"expected {what.rpartition(' ')[2]}, found none"
    what = what.replace(", got ", ", found ")
    return place.lstrip("."), f"{what[:1].lower()}{what[1:]}"
