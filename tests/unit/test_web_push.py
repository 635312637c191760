"""Push messages: encrypted as RFC 8291 shows, signed as RFC 8292 says, and small enough."""

from __future__ import annotations

import base64
import stat
from pathlib import Path
from random import Random

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from msgspec.structs import replace

from bethna.core.alert_views import Message, PushSubscription
from bethna.core.alerts import Severity
from bethna.core.errors import ConfigError, StoreError
from bethna.net.outward import Outward
from bethna.net.web_push import MOST_BYTES, RECORD, PushKeys, WebPush, encrypt, payload_of
from bethna.runtime.clocks import ManualClock

# RFC 8291, section 5 and appendix A
PLAIN = b"When I grow up, I want to be a watermelon"
OUR_KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BROWSER = PushSubscription(
    "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "BTBZMqHH6r4Tts7J_aSIgg",
)
RESULT = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
    "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
MESSAGE = Message(
    "j.a1.1", "BTC-USDT", "crossed", Severity.INFO, "[SIMULATED] ", 1, 2, late=False, keys=("j.a1.1",)
)


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_example_of_the_rfc_is_encrypted_byte_for_byte() -> None:
    key = ec.derive_private_key(int.from_bytes(raw(OUR_KEY), "big"), ec.SECP256R1())
    assert encrypt(PLAIN, BROWSER, key=key, salt=raw(SALT)) == raw(RESULT)
    assert encrypt(PLAIN, BROWSER) != encrypt(PLAIN, BROWSER), "each message has a key and a salt of its own"


def test_who_we_are_is_signed_for_the_push_service_alone(tmp_path: Path) -> None:
    keys = PushKeys(tmp_path / "push" / "vapid.pem")
    scheme, _, rest = keys.token(BROWSER.endpoint, 1_000, "mailto:me@example.com").partition(" ")
    token, public = (each.partition("=")[2] for each in rest.split(", "))
    head, claims, signature = token.split(".")
    assert (scheme, public) == ("vapid", keys.public())
    assert msgspec.json.decode(raw(head)) == {"typ": "JWT", "alg": "ES256"}
    said = msgspec.json.decode(raw(claims))
    assert (said["aud"], said["exp"]) == ("https://push.example.net", 1_000 + 12 * 3600)
    assert said["sub"] == "mailto:me@example.com"
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(public))
    both = raw(signature)
    assert len(both) == 64
    der = utils.encode_dss_signature(int.from_bytes(both[:32], "big"), int.from_bytes(both[32:], "big"))
    point.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        point.verify(der, f"{head}.{claims}x".encode(), ec.ECDSA(hashes.SHA256()))


def test_keys_are_made_once_and_read_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "vapid.pem"
    made = PushKeys(path).public()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(raw(made)) == 65
    path.chmod(0o644)
    assert PushKeys(path).public() == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["vapid.pem"]


def test_a_file_that_is_no_key_is_left_and_said(tmp_path: Path) -> None:
    path = tmp_path / "vapid.pem"
    path.write_text("not a key")
    with pytest.raises(StoreError, match="found something else"):
        PushKeys(path)
    assert path.read_text() == "not a key"
    with pytest.raises(StoreError, match="to keep the key of push messages"):
        PushKeys(path / "below" / "vapid.pem")


def test_any_payload_fits_a_record(rng: Random) -> None:
    for _ in range(50):
        text = "".join(rng.choice('aß€😀"\\\n') for _ in range(rng.randrange(6000)))
        title = "".join(rng.choice("aß€😀") for _ in range(rng.choice((5, 3000))))
        payload = payload_of(replace(MESSAGE, title=title, text=text))
        assert len(payload) <= MOST_BYTES
        said = msgspec.json.decode(payload)
        assert said["key"] == "j.a1.1"
        assert said["text"].rstrip("…") in text
        assert len(encrypt(payload, BROWSER)) <= RECORD
    assert msgspec.json.decode(payload_of(MESSAGE)) == {
        "key": "j.a1.1", "title": "[SIMULATED] BTC-USDT", "text": "crossed", "severity": "info", "count": 1, "fired": 0,
        "late": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        replace(BROWSER, endpoint="http://push.example.net/x"),
        replace(BROWSER, endpoint="https:///x"),
        replace(BROWSER, endpoint="https://h/" + "x" * 2048),
        replace(BROWSER, endpoint="file:///etc/passwd"),
        replace(BROWSER, p256dh="AAAA"),
        replace(BROWSER, p256dh=base64.urlsafe_b64encode(b"\x04" + b"x" * 64).decode()),
        replace(BROWSER, auth="!"),
        replace(BROWSER, auth=""),
    ],
)
async def test_what_is_no_subscription_is_refused(wrong: PushSubscription, tmp_path: Path) -> None:
    clock = ManualClock(10**18)
    outward = Outward(clock)
    push = WebPush(PushKeys(tmp_path / "vapid.pem"), outward, clock)
    push.check(BROWSER)
    with pytest.raises(ConfigError):
        push.check(wrong)
    await outward.close()
