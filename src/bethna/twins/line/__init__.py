"""What all simulated venues share: time, frames, faults, books and connections; it speaks no venue's words."""

from __future__ import annotations

from bethna.twins.line.connection import Connection
from bethna.twins.line.ledger import Damage, Ledger
from bethna.twins.line.limits import Pool, Rules, Window
from bethna.twins.line.numbered import NumberedPost
from bethna.twins.line.post import Post
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.seam import Answer, Wire
from bethna.twins.line.shared import Shared
from bethna.twins.line.speech import Role, Speech, Stream
from bethna.twins.line.topics import Topic
from bethna.twins.line.venue import VenueTwin

__all__ = [
    "Answer",
    "Connection",
    "Damage",
    "Ledger",
    "NumberedPost",
    "Pool",
    "Post",
    "Publisher",
    "Role",
    "Rules",
    "Shared",
    "Speech",
    "Stream",
    "Topic",
    "VenueTwin",
    "Window",
    "Wire",
]
