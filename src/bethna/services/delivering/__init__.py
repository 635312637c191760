"""Tells what has fired: the outbox's lines to their channels, at least once; it judges nothing and arms nothing."""

from bethna.services.delivering.ports import AlertReader, Pusher, Sender, Tell, Work
from bethna.services.delivering.service import Delivering

__all__ = ["AlertReader", "Delivering", "Pusher", "Sender", "Tell", "Work"]
