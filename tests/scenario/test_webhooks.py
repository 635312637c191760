"""Webhooks over real sockets: signed, never to an address that is not allowed, never followed elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from msgspec.structs import replace
from scenario.alert_ends import SECRET, T0, End, alert_of, serve

from bethna.core.alert_views import Receipt
from bethna.core.clock import NS_PER_S
from bethna.logic.delivery_words import compose
from bethna.net.channels import PRIVATE_HINT
from bethna.net.outward import Outward, is_public
from bethna.net.webhook import MOST_ALERTS, UNSIGNED, Webhook
from bethna.runtime.clocks import ManualClock

MESSAGE = compose([alert_of("journal", "a1", 1)], "")


class Names:
    """A resolver: what a name leads to."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.addresses


async def post(url: str, *, secret: str = SECRET, **more: Any) -> tuple[Receipt, Webhook]:
    outward = Outward(ManualClock(T0), **{"timeout_s": 5.0, "private_hint": PRIVATE_HINT, **more})
    hook = Webhook("hook", url, secret, outward, ManualClock(T0))
    try:
        return await hook.send(MESSAGE), hook
    finally:
        await outward.close()


@pytest.mark.parametrize(
    ("host", "private", "ready"),
    [
        ("127.0.0.1:9", False, False),
        ("[::1]:9", False, False),
        ("localhost", False, False),
        ("192.168.1.5", False, False),
        ("192.168.1.5", True, True),
        ("1.1.1.1", False, True),
        ("hook.example.com", False, True),
    ],
)
async def test_a_channel_says_before_it_is_used_that_its_address_is_private(
    host: str, private: bool, ready: bool
) -> None:
    outward = Outward(ManualClock(T0), private=private, private_hint=PRIVATE_HINT)
    hook = Webhook("hook", f"https://{host}/in", SECRET, outward, ManualClock(T0))
    await outward.close()
    assert hook.ready is ready
    assert ready or hook.why.endswith("is not a public address; webhook_private allows that")


async def test_a_receiver_can_tell_that_it_is_ours_and_when_it_was_sent() -> None:
    end = End()
    async with serve(end):
        receipt, hook = await post(end.url(), private=True)
    (asked,) = end.asked
    assert (receipt.ok, hook.why) == (True, "")
    stamp = asked.headers["x-bethna-timestamp"]
    assert stamp == str(T0 // NS_PER_S)
    mac = hmac.new(SECRET.encode(), f"{stamp}.".encode() + asked.body, hashlib.sha256)
    assert asked.headers["x-bethna-signature"] == f"v1={mac.hexdigest()}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.key == "journal.a1.1"
    assert asked.path == "/in/token-of-mine"
    said = asked.said
    assert (said["version"], said["count"], said["keys"], said["simulated"]) == (
        1,
        1,
        ["journal.a1.1"],
        False,
    )
    assert said["fired"] == (T0 + 1) // 1000
    assert said["alerts"][0]["trade_id"] == "1"


async def test_a_receiver_that_is_written_as_the_guide_shows_tells_ours_from_a_replay_and_a_repeat() -> None:
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "get-alerts-elsewhere.md"
    shown = guide.read_text().partition("```python\n")[2].partition("```")[0]
    receiver: dict[str, Any] = {}
    exec(shown, receiver)
    receiver["SECRET"] = SECRET.encode()
    end = End()
    async with serve(end):
        await post(end.url(), private=True)
    headers, body = end.asked[0].headers, end.asked[0].body
    is_ours, is_new, now = receiver["is_ours"], receiver["is_new"], T0 / NS_PER_S
    assert is_ours(headers, body, now)
    assert not is_ours(headers, body + b" ", now)
    assert not is_ours(headers, body, now + 301)
    assert not is_ours({**headers, "x-bethna-timestamp": str(int(now) + 1)}, body, now)
    assert is_new(headers)
    assert not is_new(headers)


async def test_a_user_and_a_password_of_the_address_are_said_as_headers_say_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    end = End()
    async with serve(end):
        receipt, hook = await post(f"http://me:hunter2@127.0.0.1:{end.port}/in/token-of-mine", private=True)
    assert receipt.ok
    assert end.asked[0].headers["authorization"] == "Basic bWU6aHVudGVyMg=="
    assert hook.target == f"http://127.0.0.1:{end.port}"
    assert "token-of-mine" not in caplog.text
    assert "hunter2" not in caplog.text


async def test_without_a_secret_it_goes_unsigned_and_says_so() -> None:
    end = End()
    async with serve(end):
        receipt, hook = await post(end.url(), private=True, secret="")
    assert receipt.ok
    assert (hook.ready, hook.why) == (True, UNSIGNED)
    assert "x-bethna-signature" not in end.asked[0].headers


async def test_many_alerts_are_a_message_of_a_bounded_size() -> None:
    alerts = [alert_of("journal", "a1", number) for number in range(1, MOST_ALERTS + 51)]
    without = replace(alerts[0], trade_id=None)
    end = End()
    async with serve(end):
        outward = Outward(ManualClock(T0), private=True)
        hook = Webhook("hook", end.url(), SECRET, outward, ManualClock(T0))
        assert (await hook.send(compose([without, *alerts[1:]], ""))).ok
        await outward.close()
    said = end.asked[0].said
    assert (said["count"], len(said["keys"]), len(said["alerts"])) == (150, 150, MOST_ALERTS)
    assert said["alerts"][0]["trade_id"] is None


@pytest.mark.parametrize(
    ("host", "lookup"),
    [
        ("127.0.0.1", None),
        ("localhost", None),
        ("[::1]", None),
        ("2130706433", Names("127.0.0.1")),  # as resolvers read it; the guard of these tests lets none see it
        ("0x7f.1", Names("127.0.0.1")),
        ("[::ffff:127.0.0.1]", Names("::ffff:127.0.0.1")),
        ("user:hunter2@localhost", None),
    ],
)
async def test_a_private_address_is_refused_however_it_is_written(host: str, lookup: Names | None) -> None:
    end = End()
    async with serve(end):
        receipt, hook = await post(f"http://{host}:{end.port}/in/token-of-mine", lookup=lookup)
    assert not receipt.ok
    assert receipt.final
    assert "is not public; webhook_private allows that" in receipt.said
    assert "token" not in receipt.said
    assert "hunter2" not in receipt.said + hook.target
    assert end.asked == []


async def test_a_name_that_leads_to_a_private_address_is_refused() -> None:
    names = Names("10.0.0.1", "127.0.0.1", "fe80::1%eth0", "::ffff:192.168.1.1")
    receipt, _ = await post("https://hook.example.com/x", lookup=names)
    assert receipt == Receipt(
        ok=False,
        said="hook.example.com leads to an address that is not public; webhook_private allows that",
        final=True,
    )


async def test_the_connection_is_made_to_what_was_looked_up_once_under_its_name() -> None:
    names, end = Names("127.0.0.2", "127.0.0.1"), End()
    async with serve(end):  # nobody listens on the first address
        receipt, _ = await post(f"http://hook.example.com:{end.port}/x", private=True, lookup=names)
    assert receipt.ok
    assert names.asked == [("hook.example.com", end.port)]
    assert end.asked[0].headers["host"] == f"hook.example.com:{end.port}"


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    elsewhere = End()
    async with serve(elsewhere):
        end = End(lambda _number: f"{status}/{elsewhere.url('/inner')}")
        async with serve(end):
            receipt, _ = await post(end.url(), private=True)
    assert receipt.final
    assert f"HTTP {status}, a redirect, which is not followed" in receipt.said
    assert (len(end.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize(
    ("answer", "final", "wait_s"),
    [
        ("400", True, None),
        ("401", True, None),
        ("404", True, None),
        ("413", True, None),
        ("408", False, None),
        ("425", False, None),
        ("429/7", False, 7.0),
        ("429/soon", False, None),
        ("500", False, None),
        (
            "503/" + format_datetime(datetime.fromtimestamp(T0 // NS_PER_S + 90, UTC), usegmt=True),
            False,
            90.0,
        ),
        ("503/" + format_datetime(datetime.fromtimestamp(T0 // NS_PER_S - 90, UTC), usegmt=True), False, 0.0),
        ("drop", False, None),
        ("cut", False, None),
    ],
)
async def test_what_is_worth_another_attempt(answer: str, final: bool, wait_s: float | None) -> None:
    end = End(lambda _number: answer)
    async with serve(end):
        receipt, _ = await post(end.url(), private=True)
    assert (receipt.ok, receipt.final, receipt.retry_after_s) == (False, final, wait_s)
    assert "token" not in receipt.said


async def test_who_does_not_answer_or_is_not_there_is_tried_again() -> None:
    end = End(lambda _number: "hang")
    async with serve(end):
        hung, _ = await post(end.url(), private=True, timeout_s=0.05)
    assert (hung.final, hung.said) == (False, "127.0.0.1 did not answer within 0.05 s")
    gone, _ = await post(end.url(), private=True)
    assert (gone.final, gone.said) == (False, "127.0.0.1 cannot be reached: no connection")
    nameless, _ = await post("http://nowhere.example/", lookup=Names())
    assert (nameless.final, nameless.said) == (False, "nowhere.example has no address")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///x", "http://127.0.0.1:70000/", "http://[::1/"])
async def test_what_is_no_address_is_said_without_it(url: str) -> None:
    receipt, _ = await post(url, private=True)
    assert not receipt.ok
    assert url not in receipt.said


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::5db8:d822", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:53aa:64c:0:fbff:ab53:f92d", False),
        ("not an address", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of hook.example.com, by nobody."""
    assert which("openssl") is not None, "openssl makes the certificate of this test"
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "certificate.pem"
    command = (
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    )
    names = ("-subj", "/CN=hook.example.com", "-addext", "subjectAltName=DNS:hook.example.com")
    subprocess.run([*command, *names, "-keyout", key, "-out", made], check=True, capture_output=True)
    return key, made


@pytest.fixture
async def secure(certificate: tuple[Path, Path]) -> AsyncIterator[End]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    async with serve(End(tls=context)) as end:
        yield end


async def test_the_certificate_is_of_the_name_and_not_of_the_address(
    secure: End, certificate: tuple[Path, Path]
) -> None:
    known = ssl.create_default_context(cafile=str(certificate[1]))
    for host, trusted, ok in (("hook", known, True), ("other", known, False), ("hook", None, False)):
        receipt, _ = await post(
            f"https://{host}.example.com:{secure.port}/x",
            private=True,
            lookup=Names("127.0.0.1"),
            tls=trusted,
        )
        assert receipt.ok is ok
        assert ok or "its certificate is not trusted" in receipt.said
    assert len(secure.asked) == 1
