"""What a venue's codec says of a place in a connection, and what is said of a wire that nobody knows."""

from __future__ import annotations

import pytest

from bethna.core.errors import ConfigError
from bethna.venues.binance.codec import BinanceCodec
from bethna.venues.registry import codec_to_read


def test_binance_says_nothing_first_and_carries_streams_of_any_kind_together() -> None:
    codec = BinanceCodec()
    assert codec.greeting() == ()
    assert codec.batch_of("btcusdt@trade") == codec.batch_of("ethusdt@depth") == ""


def test_a_wire_that_nobody_knows_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="expected a known venue, found 'binanse'") as caught:
        codec_to_read("binanse")
    assert caught.value.hint.startswith("choose from: binance")
