"""Web Push: a message to a browser whose page may be closed, encrypted for it alone; it keeps no list of browsers.

RFC 8030 says how it is sent, RFC 8291 (with RFC 8188, `aes128gcm`) how it is encrypted, RFC 8292 (VAPID) how we say who
we are. What the page's service worker hears is JSON:

    {"key": "3f0c...:a3.1", "title": "...", "text": "...", "severity": "info", "count": 1, "fired": 1700000000000000,
     "late": false}

Rules
  1. A payload fits one record of 4096 bytes, which is what every push service takes: a longer text is cut.
  2. 404 and 410 mean that the browser is there no more: the receipt says `gone`.
  3. Attempts of one message have one topic: a push service that could not deliver the first keeps the last alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from bethna.core.alert_views import Message, PushSubscription, Receipt
from bethna.core.alerts import Severity
from bethna.core.clock import NS_PER_S, NS_PER_US, Clock
from bethna.core.errors import ConfigError, StoreError
from bethna.logic.delivery_words import message_key
from bethna.net.outward import Outward

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

RECORD = 4096
MOST_BYTES = RECORD - 86 - 17
"""Of a payload: a record less its header (RFC 8188, 2.1; the key has 65 bytes), the end of its padding and its tag."""
LIFE_S = 86_400
TOKEN_S = 12 * 3600
CONTACT = "mailto:desk@example.org"
KEY_BYTES, SECRET_BYTES = 65, 16
MOST_ENDPOINT = 2048
GONE = (404, 410)


class PushKeys:
    """Who we are to push services: a key pair on P-256, made on first use.

    Args:
        path: a PEM file; nobody else may read it.

    Raises:
        StoreError: it cannot be made, or what is there is no key.
    """

    def __init__(self, path: Path) -> None:
        self._key = _load(path) if path.exists() else _make(path)

    def public(self) -> str:
        """The application server key, base64url."""
        return _text(_public(self._key))

    def token(self, endpoint: str, now_s: int, contact: str) -> str:
        """The Authorization header for a push service (RFC 8292, 2 and 3)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": now_s + TOKEN_S, "sub": contact}
        head, body = (_text(msgspec.json.encode(each)) for each in ({"typ": "JWT", "alg": "ES256"}, claims))
        signed = self._key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(signed)
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"vapid t={head}.{body}.{_text(raw)}, k={self.public()}"


class WebPush:
    """Pushes to one browser at a time.

    Args:
        contact: whom push services may write to; "" for an address that nobody reads, which some refuse.
    """

    def __init__(self, keys: PushKeys, outward: Outward, clock: Clock, contact: str = "") -> None:
        self._keys = keys
        self._contact = contact or CONTACT
        self._outward = outward
        self._clock = clock

    def key(self) -> str:
        """The application server key, base64url."""
        return self._keys.public()

    def check(self, subscription: PushSubscription) -> None:
        """Raises ConfigError: it is no subscription that can be pushed to."""
        parts = urlsplit(subscription.endpoint)
        schemes = ("https", "http") if self._outward.private else ("https",)
        if parts.scheme not in schemes or not parts.hostname or len(subscription.endpoint) > MOST_ENDPOINT:
            raise ConfigError(
                "endpoint", "expected the https:// address of a push service, found something else"
            )
        try:
            _peer(subscription)
        except ValueError as error:
            raise ConfigError("keys", f"expected the keys of a push subscription, found {error}") from error

    async def push(self, subscription: PushSubscription, message: Message) -> Receipt:
        """One attempt. `gone`: the browser is there no more (rule 2)."""
        topic = _text(hashlib.sha256(message_key(message).encode()).digest()[:24])
        try:
            body = encrypt(payload_of(message), subscription)
        except ValueError as error:
            return Receipt(ok=False, said=f"its keys are none: {error}", final=True, gone=True)
        headers = {
            "authorization": self._keys.token(
                subscription.endpoint, self._clock.now_ns() // NS_PER_S, self._contact
            ),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(LIFE_S),
            "topic": topic,
            "urgency": "normal" if message.severity is Severity.INFO else "high",
        }
        posted = await self._outward.post(subscription.endpoint, body, headers)
        if posted.status in GONE:
            return replace(posted.receipt, final=True, gone=True)
        return posted.receipt


def payload_of(message: Message) -> bytes:
    """What the service worker hears (rule 1)."""
    title, text = message.prefix + message.title, message.text
    while True:
        said = {
            "key": message_key(message),
            "title": title,
            "text": text,
            "severity": message.severity,
            "count": message.count,
            "fired": message.fired // NS_PER_US,
            "late": message.late,
        }
        encoded = msgspec.json.encode(said)
        over = len(encoded) - MOST_BYTES
        if over <= 0:
            return encoded
        if len(text) > 1:
            text = text[: max(0, len(text) - max(1, over // 4) - 1)] + "…"
        else:
            title = title[: max(0, len(title) - max(1, over // 4) - 1)] + "…"


def encrypt(
    plain: bytes,
    subscription: PushSubscription,
    *,
    key: EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """One record for one browser (RFC 8291, 3.4; RFC 8188, 2).

    Args:
        key, salt: of this message alone; given by tests.

    Raises:
        ValueError: the browser's keys are none.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    peer, secret = _peer(subscription)
    ours = key or ec.generate_private_key(ec.SECP256R1())
    salt = salt or secrets.token_bytes(16)
    public = _public(ours)
    their = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), peer)
    seed = _derive(secret, ours.exchange(ec.ECDH(), their), b"WebPush: info\0" + peer + public, 32)
    content_key = _derive(salt, seed, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(salt, seed, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(public)]) + public
    return header + AESGCM(content_key).encrypt(nonce, plain + b"\x02", None)


def _derive(salt: bytes, secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-SHA256 of one block (RFC 5869)."""
    extracted = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(extracted, label + b"\x01", hashlib.sha256).digest()[:size]


def _peer(subscription: PushSubscription) -> tuple[bytes, bytes]:
    """The browser's public key and secret. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric import ec

    peer, secret = _bytes(subscription.p256dh), _bytes(subscription.auth)
    if len(peer) != KEY_BYTES or len(secret) != SECRET_BYTES:
        raise ValueError(f"{len(peer)} and {len(secret)} bytes instead of {KEY_BYTES} and {SECRET_BYTES}")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), peer)
    return peer, secret


def _public(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(
            text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True
        )
    except binascii.Error as error:
        raise ValueError("what is no base64url") from error


# --- the key file


def _load(path: Path) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        path.chmod(0o600)
        found = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise StoreError(
            f"expected to read {path}, found: {error.strerror}", hint="look who owns it"
        ) from error
    except (ValueError, TypeError) as error:
        raise _no_key(path) from error
    if not isinstance(found, ec.EllipticCurvePrivateKey) or not isinstance(found.curve, ec.SECP256R1):
        raise _no_key(path)
    return found


def _no_key(path: Path) -> StoreError:
    return StoreError(
        f"expected the key of push messages, found something else: {path}",
        hint="move it away: a new one is made, and browsers must be subscribed anew",
    )


def _make(path: Path) -> EllipticCurvePrivateKey:
    """Whole or not at all, and never readable by others."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise StoreError(
            f"expected to keep the key of push messages at {path}, found: {error.strerror}",
            hint="make room, or look whether the folder can be written",
        ) from error
    return key
