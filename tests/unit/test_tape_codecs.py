"""Whose frames a tape holds: by its note, by the hosts, by the URL; what is misread is never called right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bethna.api.audit import Audit, audit_lines
from bethna.app.desk import Desk
from bethna.app.tape_codecs import TapeCodecs
from bethna.cli.audit import audit_desk, code_of
from bethna.config import load
from bethna.core.errors import VenueUnknown
from bethna.store.recorder import TapeWriter
from bethna.store.tapeline import decode_line, encode_line
from bethna.store.tapes import TapeReader

HOSTS = "kraken=ws://127.0.0.1:9700/k|http://127.0.0.1:9700/k;coinbase=wss://mirror.example.com|https://mirror.example.com"
TRADE = {
    "symbol": "BTC/USD", "side": "buy", "price": 1.5, "qty": 1.0, "ord_type": "market", "trade_id": 7,
    "timestamp": "2026-09-10T17:35:52.114514Z",
}  # fmt: skip
FRAME = json.dumps({"channel": "trade", "type": "update", "data": [TRADE]}).encode()


def codecs(**environment: str) -> TapeCodecs:
    return TapeCodecs(
        load(environment={f"BETHNA_{name.upper()}": text for name, text in environment.items()})
    )


@pytest.mark.parametrize(
    ("url", "venue"),
    [
        ("ws://127.0.0.1:9700/k/v2", "kraken"),
        ("http://127.0.0.1:9700/k/0/public/Trades?pair=BTC%2FUSD", "kraken"),
        ("wss://mirror.example.com", "coinbase"),
        ("ws://user:secret@127.0.0.1:9700/k/v2", "kraken"),
        ("ws://127.0.0.1:9700/kites/v2", "binance"),
        ("ws://127.0.0.1:9701/v2", "binance"),
        ("wss://ws.kraken.com/v2", "kraken"),
        ("", "binance"),
    ],
)
def test_the_users_hosts_are_known_to_who_reads_a_tape(url: str, venue: str) -> None:
    assert codecs(hosts=HOSTS)(url)[0] == venue


def test_a_host_that_leads_to_another_language_of_a_venue_is_read_in_it() -> None:
    read = codecs(hosts="coinbase=ws://127.0.0.1:9|http://127.0.0.1:9", wire="coinbase=advanced")
    assert type(read("ws://127.0.0.1:9/")[1]) is type(codecs()("wss://advanced-trade-ws.coinbase.com")[1])


def test_what_the_recorder_noted_says_more_than_the_url() -> None:
    read = codecs()
    assert read("ws://127.0.0.1:9700/v2", "kraken")[0] == "kraken"
    assert read("wss://elsewhere.example.com/v2", "kraken")[0] == "kraken"
    assert read("ws://127.0.0.1:9700/v2", "a word of somebody else's")[0] == "binance"
    with pytest.raises(VenueUnknown):
        read("wss://elsewhere.example.com/v2", "nobody's")


def test_a_line_keeps_the_note_and_a_foreign_one_says_nothing() -> None:
    line = encode_line(5, 1, "open", "ws://127.0.0.1/v2", b"", "kraken")
    assert decode_line(line, 1).wire == "kraken"
    assert decode_line(encode_line(5, 1, "rx", None, b"{}"), 1).wire is None
    assert decode_line(b'{"ts":5,"conn":1,"kind":"rx","raw":"","wire":{"gauge":2}}', 1).wire is None


def tape_of(folder: Path, wire: str | None) -> Path:
    path = folder / "small.jsonl.zst"
    with TapeWriter(path) as writer:
        writer.opened(1, "ws://127.0.0.1:9700/v2", 1_757_525_752_000_000_000, wire)
        for number in range(10):
            writer.received(1, FRAME, 1_757_525_752_200_000_000 + number)
    return path


def audited(tape: Path, **options: str) -> Audit:
    desk = Desk(load(options={"source": f"tape:{tape}", "speed": "max", **options}))
    desk.play_through()
    return audit_desk(desk, None, list_gaps=False)


def test_a_tape_of_another_host_is_read_by_its_note_wherever_it_is_read(tmp_path: Path) -> None:
    tape = tape_of(tmp_path, "kraken")
    assert [entry.wire for entry in TapeReader(tape)][:2] == ["kraken", None]
    found = audited(tape)
    assert (found.venue, list(found.symbols), found.damaged) == ("kraken", ["BTC-USD@kraken"], False)


def test_a_tape_without_a_note_is_read_by_the_hosts_setting_and_else_said_to_be_unread(
    tmp_path: Path,
) -> None:
    tape = tape_of(tmp_path, None)
    led = audited(tape, hosts="kraken=ws://127.0.0.1:9700|http://127.0.0.1:9700")
    assert (led.venue, list(led.symbols), led.unread) == ("kraken", ["BTC-USD@kraken"], False)
    found = audited(tape)
    assert (found.venue, found.unread, found.damaged, code_of(found)) == ("binance", True, True, 4)
    (said,) = (line for line in audit_lines(found) if line.startswith("not read"))
    assert "not of binance" in said
    assert "`hosts`" in said
