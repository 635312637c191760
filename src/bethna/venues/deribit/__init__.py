"""Deribit: its rules (`SPEC`) and its public language (`DeribitCodec`); it speaks of no orders, accounts or logins."""

from bethna.venues.deribit.codec import DeribitCodec
from bethna.venues.deribit.spec import SPEC

__all__ = ["SPEC", "DeribitCodec"]
