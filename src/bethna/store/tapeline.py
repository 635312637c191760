"""One line of a tape: its form, how it is written and what is blacked out; it opens no file.

The form is documented in docs/reference/tape-format.md.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Literal

import msgspec
from msgspec import Struct

Kind = Literal["open", "tx", "rx", "http", "close"]


class TapeEntry(Struct, frozen=True, gc=False):
    """One thing that happened on the wire.

    Attributes:
        ts: when we saw it, ns UTC by the recorder's clock; clocks are set, so it may step back.
        conn: which socket, unique within the tape; None for `http`.
        kind: `open` and `close` a socket, `tx` sent, `rx` received, `http` the body of a REST answer.
        url: where to, for `open` and `http`; None where the line names none.
        raw: the bytes exactly as they were on the wire; the reason in plain words for `close`, empty for `open`.
        line: 1-based line of the tape, counted through all its segments.
        wire: the language that the recorder noted of an `open` or `http`; None where it noted none.
    """

    ts: int
    conn: int | None
    kind: Kind
    url: str | None
    raw: bytes
    line: int
    wire: str | None = None


_HIDDEN = "***"
_HUSH = r"(?:listen_?key|listen_?token|signature|api_?key|access_?token|token|secret|password|passphrase)"
_SECRET_PARAMETER = re.compile(rf"([?&]{_HUSH}=)[^&#\s]*", re.IGNORECASE)
_SECRET_FIELD = re.compile(rf'("{_HUSH}"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_SECRET_FIELD_BYTES = re.compile(_SECRET_FIELD.pattern.encode(), re.IGNORECASE)
# A user stream is opened as /ws/<listenKey>: the key, 60 letters and digits and more, stands in the path.
_SECRET_SEGMENT = re.compile(r"(?<=/)[A-Za-z0-9]{48,}(?=[/?#]|$)")
_USER_PART = re.compile(r"(?<=://)[^/@\s]*@")


def redact_url(url: str) -> str:
    """`url` with credentials, signed parameters and listen keys blacked out."""
    shown = _SECRET_PARAMETER.sub(rf"\g<1>{_HIDDEN}", url)
    return _SECRET_SEGMENT.sub(_HIDDEN, _USER_PART.sub(f"{_HIDDEN}@", shown))


def redact_text(text: str) -> str:
    """A message that we sent, with the text values of secret JSON fields blacked out."""
    return _SECRET_FIELD.sub(rf'\g<1>"{_HIDDEN}"', text)


def redact_body(raw: bytes) -> bytes:
    """The body of a REST answer, with the text values of secret JSON fields blacked out."""
    return _SECRET_FIELD_BYTES.sub(rb'\g<1>"' + _HIDDEN.encode() + b'"', raw)


_encode_text = msgspec.json.encode


def encode_line(
    ts: int, conn: int | None, kind: Kind, url: str | None, raw: bytes, wire: str | None = None
) -> bytes:
    """One line, newline included. Bytes that are not UTF-8 go into `raw_b64`, since JSON cannot hold them."""
    head = b'{"ts":%d,' % ts
    if conn is not None:
        head += b'"conn":%d,' % conn
    head += b'"kind":"%b",' % kind.encode()
    if url is not None:
        head += b'"url":%b,' % _encode_text(url)
    if wire is not None:
        head += b'"wire":%b,' % _encode_text(wire)
    try:
        return b'%b"raw":%b}\n' % (head, _encode_text(raw.decode()))
    except UnicodeDecodeError:
        return b'%b"raw_b64":"%b"}\n' % (head, base64.b64encode(raw))


class _Line(Struct, gc=False):
    ts: int
    kind: Kind
    conn: int | None = None
    url: str | None = None
    raw: str | None = None
    raw_b64: bytes | None = None
    wire: Any = None  # other recorders may mean anything by it


_decode = msgspec.json.Decoder(_Line).decode
_MAX_TS = 2**63 - 1


def decode_line(text: bytes, number: int) -> TapeEntry:
    """One line without its newline as an entry.

    Raises:
        ValueError: it is not a line of the format; the text says why (msgspec's own errors are ValueErrors too).
    """
    try:
        line = _decode(text)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    raw = line.raw
    if raw is not None:
        body = raw.encode()
    elif line.raw_b64 is not None:
        body = line.raw_b64
    else:
        raise ValueError("neither `raw` nor `raw_b64`")
    if line.conn is None and line.kind != "http":
        raise ValueError(f"no `conn` in a line of kind `{line.kind}`")
    if not 0 <= line.ts <= _MAX_TS:
        raise ValueError(f"`ts` {line.ts}, which is not ns since 1970")
    return TapeEntry(
        line.ts,
        line.conn,
        line.kind,
        line.url,
        body,
        number,
        line.wire if isinstance(line.wire, str) else None,
    )
