"""Tapes: what goes in comes out; damage anywhere gives a true beginning and says where it ends."""

import io
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bethna.core.errors import StoreError, TapeError
from bethna.store.tapeline import decode_line, encode_line, redact_body, redact_text, redact_url
from bethna.store.tapes import HELD_BYTES, MAX_LINE_BYTES, TapeEntry, TapeReader, TapeWriter
from bethna.store.tapespan import scan

Step = tuple[str, int, int, str, bytes]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "rx", "rx", "rx", "tx", "http", "close"]),
        st.integers(0, 2**63 - 1),
        st.integers(0, 9),
        st.text(max_size=30),
        st.one_of(
            st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
        ),
    ),
    max_size=30,
)


def say(writer: TapeWriter, step: Step) -> TapeEntry:
    """Tell the tap; what should be read back, but for the line number."""
    kind, ts, conn, text, raw = step
    said = text.encode("utf-8", "replace").decode()
    match kind:
        case "open":
            writer.opened(conn, said, ts)
            return TapeEntry(ts, conn, "open", redact_url(said), b"", 0)
        case "rx":
            writer.received(conn, raw, ts)
            return TapeEntry(ts, conn, "rx", None, raw, 0)
        case "tx":
            writer.sent(conn, said, ts)
            return TapeEntry(ts, conn, "tx", None, redact_text(said).encode(), 0)
        case "http":
            writer.http(said, raw, ts)
            return TapeEntry(ts, None, "http", redact_url(said), redact_body(raw), 0)
        case _:
            writer.closed(conn, said, ts)
            return TapeEntry(ts, conn, "close", None, said.encode(), 0)


def numbered(entries: Iterable[TapeEntry]) -> list[TapeEntry]:
    return [
        TapeEntry(each.ts, each.conn, each.kind, each.url, each.raw, line)
        for line, each in enumerate(entries, 1)
    ]


def up_to_damage(path: Path) -> tuple[list[TapeEntry], TapeError | None]:
    entries: list[TapeEntry] = []
    reader = iter(TapeReader(path))
    try:
        while entry := next(reader, None):
            entries.append(entry)
    except TapeError as error:
        return entries, error
    return entries, None


def frames(*blocks: bytes) -> bytes:
    zstd = zstandard.ZstdCompressor(level=3, write_checksum=True)
    return b"".join(zstd.compress(block) for block in blocks)


def streamed(block: bytes) -> bytes:
    """One frame that does not say its size."""
    zstd = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return zstd.compress(block) + zstd.flush()


def line(n: int, raw: str = "x") -> bytes:
    return b'{"ts":%d,"conn":0,"kind":"rx","raw":%b}\n' % (n, json.dumps(raw).encode())


# --- round trip


@given(STEPS, st.integers(1, 200))
def test_what_is_recorded_is_read_back(steps: list[Step], flush_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl.zst"
        with TapeWriter(path, flush_bytes=flush_bytes) as writer:
            said = [say(writer, step) for step in steps]
            assert writer.flush()
            whole, damage = up_to_damage(path)  # before it is closed
            assert (whole, damage) == (numbered(said), None)
        assert up_to_damage(path) == (numbered(said), None)
        assert writer.recorded().entries == len(steps)
        assert writer.recorded().pending_bytes == 0
        assert writer.recorded().bytes == path.stat().st_size


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**31), st.text(), st.binary())
def test_a_line_is_json_and_comes_back(ts: int, conn: int, text: str, raw: bytes) -> None:
    for body in (raw, text.encode("utf-8", "surrogatepass")):
        written = encode_line(ts, conn, "rx", None, body)
        assert written.endswith(b"\n")
        assert written.count(b"\n") == 1
        parsed = json.loads(written)
        assert (parsed["ts"], parsed["conn"], parsed["kind"]) == (ts, conn, "rx")
        assert decode_line(written[:-1], 7) == TapeEntry(ts, conn, "rx", None, body, 7)


@pytest.mark.needs("shared")
@pytest.mark.parametrize("name", ["binance.jsonl", "binance_btcusdt_20240808.jsonl.zst", "kraken_v1.jsonl"])
def test_a_real_tape_keeps_every_byte(shared_dir: Path, tmp_path: Path, name: str) -> None:
    original = list(TapeReader(shared_dir / "captures" / "tapes" / name))
    with TapeWriter(tmp_path / "copy.jsonl.zst", max_pending_bytes=1 << 30) as writer:
        for entry in original:
            match entry.kind:
                case "open":
                    writer.opened(entry.conn or 0, entry.url or "", entry.ts)
                case "rx":
                    writer.received(entry.conn or 0, entry.raw, entry.ts)
                case "tx":
                    writer.sent(entry.conn or 0, entry.raw.decode(), entry.ts)
                case _:
                    writer.http(entry.url or "", entry.raw, entry.ts)
    copy = list(TapeReader(tmp_path / "copy.jsonl.zst"))
    assert [(e.ts, e.conn, e.kind, e.raw, e.line) for e in copy] == [
        (e.ts, e.conn, e.kind, e.raw, e.line) for e in original
    ]
    assert [e.url for e in copy if e.kind != "tx" and e.kind != "rx"] == [
        e.url for e in original if e.kind != "tx" and e.kind != "rx"
    ]


# --- damage

SMALL = [b"".join(line(n, "snow \u2603 " * (n % 3)) for n in range(start, start + 4)) for start in (0, 4, 8)]
WHOLE = numbered(decode_line(text, 0) for text in b"".join(SMALL).splitlines())


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.zst"])
def test_a_tape_cut_anywhere_gives_its_beginning(tmp_path: Path, suffix: str) -> None:
    data = frames(*SMALL) if suffix.endswith("zst") else b"".join(SMALL)
    path = tmp_path / f"x.{suffix}"
    clean_ends = set()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        entries, damage = up_to_damage(path)
        assert entries == WHOLE[: len(entries)]
        if damage is None:
            clean_ends.add(len(entries))
        else:
            assert (damage.path, damage.line) == (str(path), len(entries) + 1)
            assert f"line {len(entries) + 1}" in damage.message
    assert clean_ends == ({0, 4, 8, 12} if suffix.endswith("zst") else set(range(13)))


def test_a_bit_flipped_anywhere_gives_no_false_entry(tmp_path: Path) -> None:
    data = frames(*SMALL)
    path = tmp_path / "x.jsonl.zst"
    for at in range(len(data)):
        for bit in (0, 3, 7):
            path.write_bytes(data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :])
            entries, damage = up_to_damage(path)
            assert entries == WHOLE[: len(entries)]
            assert damage is not None or entries == WHOLE
            if damage is not None:
                assert damage.line == len(entries) + 1


@pytest.mark.parametrize(
    "bad",
    [
        b"x",
        b"[]",
        b"{}",
        b'{"ts":1,"kind":"rx","raw":""}',
        b'{"ts":-1,"conn":0,"kind":"rx","raw":""}',
        b'{"ts":9223372036854775808,"conn":0,"kind":"rx","raw":""}',
        b'{"ts":1.5,"conn":0,"kind":"rx","raw":""}',
        b'{"ts":1,"conn":0,"kind":"ring","raw":""}',
        b'{"ts":1,"conn":0,"kind":"rx"}',
        b'{"ts":1,"conn":0,"kind":"rx","raw_b64":"*"}',
        b'{"ts":1,"conn":0,"kind":"rx","raw":"\xff"}',
        b'{"ts":1,"conn":0,"kind":"rx","raw":"\\ud800"}',
        b'{"ts":1,"conn":0,"kind":"rx","raw":"","more":' + b"[" * 100_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_line_that_is_none_ends_the_tape_there(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(line(1) + b"\n  \n" + line(2) + bad + b"\n" + line(3))
    entries, damage = up_to_damage(path)
    assert [(entry.ts, entry.line) for entry in entries] == [(1, 1), (2, 4)]
    assert damage is not None
    assert (damage.code, damage.line) == ("damaged_tape", 5)


def test_time_may_step_back_and_the_last_newline_may_lack(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(line(5) + line(3).replace(b"\n", b"\r\n") + line(4).rstrip())
    entries, damage = up_to_damage(path)
    assert [entry.ts for entry in entries] == [5, 3, 4]
    assert damage is None


def test_frames_of_other_programs_are_read(tmp_path: Path) -> None:
    skippable = b"\x50\x2a\x4d\x18\x05\x00\x00\x00abcde"
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(skippable + streamed(line(1) + line(2)[:10]) + frames(line(2)[10:], b"") + skippable)
    assert ([entry.ts for entry in up_to_damage(path)[0]], up_to_damage(path)[1]) == ([1, 2], None)
    path.write_bytes(b"")
    assert up_to_damage(path) == ([], None)


def test_a_frame_too_large_to_hold_streams_up_to_its_damage(tmp_path: Path) -> None:
    many = b"".join(line(n, "y" * 1000) for n in range(HELD_BYTES // 1000 + 500))
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(frames(many)[:-4])  # without its checksum
    entries, damage = up_to_damage(path)
    assert len(entries) == many.count(b"\n")
    assert damage is not None


def test_a_line_without_an_end_is_damage_before_it_fills_the_memory(tmp_path: Path) -> None:
    zeros = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(zeros, closefd=False) as out:
        out.write(line(1))
        for _ in range(MAX_LINE_BYTES // (1 << 20) + 2):
            out.write(b"0" * (1 << 20))
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(zeros.getvalue())
    entries, damage = up_to_damage(path)
    assert len(entries) == 1
    assert damage is not None
    assert "longer than" in damage.message


# --- segments


def record(
    path: Path, count: int, *, rotate_bytes: int | None = None, rotate_s: float | None = None
) -> TapeWriter:
    with TapeWriter(path, rotate_bytes=rotate_bytes, rotate_s=rotate_s, flush_bytes=1) as writer:
        for n in range(count):
            writer.received(0, b"%d" % n, n * 1_000_000_000)
    return writer


def test_a_recording_turns_to_the_next_segment_by_time_and_by_size(tmp_path: Path) -> None:
    by_time = record(tmp_path / "t" / "x.jsonl.zst", 10, rotate_s=4)
    assert [path.name for path in by_time.recorded().files] == [f"x.000{n}.jsonl.zst" for n in (1, 2, 3)]
    assert [[e.ts // 1_000_000_000 for e in TapeReader(p)] for p in by_time.recorded().files[2:]] == [[8, 9]]
    by_size = record(tmp_path / "s" / "x.jsonl.zst", 10, rotate_bytes=1)
    assert len(by_size.recorded().files) == 10
    for recording in (by_time, by_size):
        first, second, *_ = recording.recorded().files
        for named in (first.parent, first, first.parent / "x"):
            entries = list(TapeReader(named))
            assert [entry.raw for entry in entries] == [b"%d" % n for n in range(10)]
            assert [entry.line for entry in entries] == list(range(1, 11))
            assert TapeReader(named).name == "x"
        assert [entry.raw for entry in TapeReader(second)][-1] == b"9"
        assert next(iter(TapeReader(second))).line == 1


def test_a_missing_segment_is_damage_where_it_lacks(tmp_path: Path) -> None:
    files = record(tmp_path / "x.jsonl.zst", 9, rotate_s=3).recorded().files
    files[1].unlink()
    entries, damage = up_to_damage(tmp_path)
    assert [entry.raw for entry in entries] == [b"0", b"1", b"2"]
    assert damage is not None
    assert damage.path == str(files[1])
    assert [entry.raw for entry in TapeReader(files[2])] == [b"6", b"7", b"8"]


def test_damage_in_a_later_segment_is_named_by_its_own_line(tmp_path: Path) -> None:
    files = record(tmp_path / "x.jsonl.zst", 9, rotate_s=3).recorded().files
    files[1].write_bytes(files[1].read_bytes()[:-1])
    entries, damage = up_to_damage(tmp_path)
    assert damage is not None
    assert entries[:5] == numbered(entries)[:5]
    assert (damage.path, damage.line) == (str(files[1]), len(entries) - 3 + 1)


def test_what_is_no_recording_is_refused_by_name(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "x.jsonl", tmp_path / "gone" / "x"):
        with pytest.raises(TapeError) as caught:
            TapeReader(path)
        assert (caught.value.line, caught.value.path) == (0, str(path))
    record(tmp_path / "a.jsonl.zst", 1, rotate_s=3)
    record(tmp_path / "b.jsonl.zst", 1, rotate_s=3)
    with pytest.raises(TapeError, match="found 2 recordings") as caught:
        TapeReader(tmp_path)
    assert "a, b" in caught.value.hint


def test_segments_are_found_by_the_name_that_was_recorded_to(tmp_path: Path) -> None:
    recorded = record(tmp_path / "x.jsonl.zst", 9, rotate_s=3).recorded().files
    record(tmp_path / "y.jsonl.zst", 1, rotate_s=3)
    assert len(recorded) == 3
    for name in ("x", "x.jsonl.zst", "x.0001.jsonl.zst"):
        tape = TapeReader(tmp_path / name)
        assert (tape.name, tape.files) == ("x", recorded)
    for name in ("x.0007.jsonl.zst", "z.jsonl.zst"):
        with pytest.raises(TapeError, match="found nothing at"):
            TapeReader(tmp_path / name)
    (tmp_path / "x.jsonl.zst").write_bytes(b"")  # a file of that name is what is meant
    assert TapeReader(tmp_path / "x.jsonl.zst").files == (tmp_path / "x.jsonl.zst",)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.zst"
    record(path, 3)
    with pytest.raises(StoreError, match="did not start"), TapeWriter(path):
        pass
    assert len(list(TapeReader(path))) == 3
    with pytest.raises(StoreError, match=r"expected a recording's name to end in .jsonl.zst"):
        TapeWriter(tmp_path / "x.jsonl")


def test_a_closed_recording_takes_nothing(tmp_path: Path) -> None:
    writer = record(tmp_path / "x.jsonl.zst", 3)
    writer.received(0, b"late", 9)
    writer.closed(0, "late", 9)
    assert not writer.flush(0.1)
    writer.close()
    assert writer.recorded().entries == 3
    TapeWriter(tmp_path / "never.jsonl.zst").close()
    assert not (tmp_path / "never.jsonl.zst").exists()


# --- a quick look


@settings(max_examples=50)  # each makes files
@given(STEPS, st.sampled_from([1, 1 << 20]), st.sampled_from([None, 1]), st.integers(0, 40))
def test_a_look_tells_begin_and_end(
    steps: list[Step], flush_bytes: int, rotate_bytes: int | None, cut: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl.zst"
        with TapeWriter(path, flush_bytes=flush_bytes, rotate_bytes=rotate_bytes) as writer:
            said = [say(writer, step) for step in steps]
        span = scan(Path(folder) / "x" if rotate_bytes else path)
        assert (span.start, span.end) == ((said[0].ts, said[-1].ts) if said else (None, None))
        assert list(span.head) == numbered(said)
        assert span.sent == tuple(each.raw for each in said if each.kind == "tx")
        assert span.urls == tuple(dict.fromkeys(each.url for each in said if each.url is not None))
        last = span.files[-1]
        last.write_bytes(last.read_bytes()[: -cut or None])
        entries, _ = up_to_damage(Path(folder)) if rotate_bytes else up_to_damage(path)
        cut_span = scan(span.files[0])
        assert cut_span.end == (entries[-1].ts if entries else None)


def test_a_look_at_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(line(1) + line(2) + line(3)[:-5])
    assert (scan(path).start, scan(path).end, scan(path).name) == (1, 2, "x")


# --- secrets


@pytest.mark.parametrize(
    "url",
    [
        "wss://venue.example/ws?listenKey=hunter2&x=1",
        "https://venue.example/api?timestamp=1&signature=hunter2",
        "https://venue.example/api?apiKey=hunter2#x",
        "https://user:hunter2@venue.example/api",
        "wss://venue.example/ws/" + "hunter2" * 9,
    ],
)
def test_a_url_is_recorded_without_its_secret(tmp_path: Path, url: str) -> None:
    with TapeWriter(tmp_path / "x.jsonl.zst") as writer:
        writer.opened(0, url, 1)
        writer.http(url, b'{"listenKey": "hunter2"}', 2)
        writer.sent(0, '{"params":{"apiKey":"hunter2","signature" : "hunt\\"er2","symbol":"X"}}', 3)
    opened, http, sent = TapeReader(tmp_path / "x.jsonl.zst")
    assert opened.url == http.url
    assert "venue.example" in (opened.url or "")
    assert json.loads(sent.raw) == {"params": {"apiKey": "***", "signature": "***", "symbol": "X"}}
    assert "hunter2" not in f"{opened} {http} {sent}"


def test_a_public_url_is_recorded_as_it_is() -> None:
    streams = "/".join(f"{symbol}usdt@depth@100ms" for symbol in ("btc", "eth", "sol", "pol"))
    for url in (
        f"wss://stream.example.com:9443/stream?streams={streams}",
        "https://x.example/api/v3/depth?symbol=A&limit=5",
    ):
        assert redact_url(url) == url
