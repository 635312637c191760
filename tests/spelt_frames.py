"""Frames in many spellings, and frames that no venue would send: what the property tests of all codecs share.

What must hold of the facts that come out stands in `sound_facts`; what the frames say is each venue's.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

# --- the many ways to spell a frame


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def spaced(value: object) -> bytes:
    return b"\r\n " + json.dumps(value, indent="\t", ensure_ascii=True).encode() + b" \n"


def shuffled(value: Any, rng: Random) -> Any:
    """The same JSON value with the keys of every object in another order."""
    if isinstance(value, list):
        return [shuffled(each, rng) for each in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    rng.shuffle(keys)
    return {key: shuffled(value[key], rng) for key in keys}


def with_news(value: Any, rng: Random) -> Any:
    """The same object, or list of objects, with fields that nobody has heard of."""
    if isinstance(value, list):
        return [with_news(each, rng) if isinstance(each, dict) else each for each in value]
    extra = {"zz": [1, {"p": "nan"}], "Y": None, "newField": "x", "big": 2**63}
    return {**extra, **value} if rng.random() < 0.5 else {**value, **extra}


# --- what no venue would send


def json_values(
    odd: st.SearchStrategy[Any], keys: st.SearchStrategy[str], *, wide: int = 8
) -> st.SearchStrategy[Any]:
    """Any JSON, some of it of words that mean something to the venue: `odd` values under its `keys`."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | odd,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=wide),
        max_leaves=20,
    )


def any_bytes(*frames: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Bytes, text, or one of `frames`."""
    return st.one_of(st.binary(), st.text().map(str.encode), *frames)


@st.composite
def few_bytes_else(draw: st.DrawFn, good: bytes) -> bytes:
    """The same with up to three runs of a few bytes exchanged."""
    raw = bytearray(good)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw) - 1))
        raw[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        raw = raw or bytearray(b"x")
    return bytes(raw)
