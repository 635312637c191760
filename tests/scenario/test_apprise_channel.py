"""Channels of Apprise: a real plugin over loopback, slow ones, broken ones; nothing of an address is ever shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from scenario.alert_ends import End, alert_of, serve

from bethna.config import Secret
from bethna.config.channels import ChannelAddress
from bethna.core.alerts import Severity
from bethna.core.errors import ConfigError
from bethna.logic.delivery_words import compose
from bethna.net.apprise_channel import AppriseChannel, service_of
from bethna.net.channels import senders
from bethna.net.outward import Outward
from bethna.net.webhook import Webhook
from bethna.runtime.clocks import ManualClock

MESSAGE = compose([alert_of("journal", "a1", 1)], "[SIMULATED] ")


def channel(end: End, **more: Any) -> AppriseChannel:
    url = f"json://127.0.0.1:{end.port}/hunter2"
    return AppriseChannel("inner", "json", service_of("inner", "json", url), **more)


async def test_a_message_goes_by_a_plugin_of_apprise(capfd: pytest.CaptureFixture[str]) -> None:
    end = End(lambda number: "200" if not number else "500")
    async with serve(end):
        made = channel(end)
        assert (made.name, made.kind, made.ready, made.why) == ("inner", "json", True, "")
        assert "hunter2" not in made.target
        assert (await made.send(MESSAGE)).ok
        refused = await made.send(replace(MESSAGE, key="another", severity=Severity.CRITICAL, text=""))
    assert (refused.ok, refused.final) == (False, False)
    assert "did not take it" in refused.said
    first, second = (each.said for each in end.asked)
    assert (first["title"], first["message"], first["type"]) == ("[SIMULATED] a1 fired 1", "text", "info")
    assert second["type"] == "failure"
    assert "hunter2" not in "".join(capfd.readouterr()) + refused.said


class Slow:
    """A plugin that waits until it is told, and then does what it is told."""

    service_name = "Slow"

    def __init__(self, end: Callable[[], bool]) -> None:
        self.go, self.back = threading.Event(), threading.Event()
        self.calls = 0
        self.end = end

    def notify(self, *, body: str, title: str, notify_type: object) -> bool:
        self.calls += 1
        self.go.wait(10)
        self.back.set()
        return self.end()


async def test_an_attempt_that_is_late_is_not_repeated_beside_itself_nor_when_it_went() -> None:
    slow = Slow(lambda: True)
    made = AppriseChannel("slow", "slow", slow, timeout_s=0.05)
    assert "did not answer within 0.05 s" in (await made.send(MESSAGE)).said
    assert "has not answered the attempt before" in (await made.send(MESSAGE)).said
    slow.go.set()
    assert made._running is not None
    await made._running[1]
    assert (await made.send(MESSAGE)).ok
    assert slow.calls == 1
    assert (await made.send(replace(MESSAGE, key="another"))).ok
    assert slow.calls == 2


async def test_a_plugin_that_breaks_is_a_failed_attempt() -> None:
    def fail() -> bool:
        raise RuntimeError("hunter2")

    slow = Slow(fail)
    slow.go.set()
    made = AppriseChannel("slow", "slow", slow)
    for _ in range(2):
        receipt = await made.send(MESSAGE)
        assert (receipt.ok, receipt.final, receipt.said) == (False, False, "Slow failed: RuntimeError")


@pytest.mark.parametrize(
    ("scheme", "url", "said"),
    [
        ("nonsense", "nonsense://hunter2", "a service that Apprise does not know"),
        ("tgram", "tgram://hunter2", "an address that lacks a part, such as its token"),
        ("mailto", "mailto://", "an address that lacks a part"),
    ],
)
def test_what_apprise_cannot_use_is_refused_and_not_shown(
    scheme: str, url: str, said: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigError, match="the channel mine") as caught:
        service_of("mine", scheme, url)
    error = caught.value
    assert said in error.message
    assert error.key == "alert_channels"
    assert (
        "hunter2"
        not in f"{error!r} {error.hint} {error.__cause__!r}" + "".join(capfd.readouterr()) + caplog.text
    )


async def test_channels_are_made_of_their_addresses() -> None:
    outward = Outward(ManualClock())
    made = senders(
        [
            ChannelAddress("hook", "https", Secret("https://user:hunter2@h.example.com:8/hunter2?hunter2")),
            ChannelAddress("bot", "tgram", Secret("tgram://123456789:abcdefg_hijklmnop/12315544/")),
        ],
        ManualClock(), outward, "s" * 16,
    )  # fmt: skip
    hook, bot = made
    assert isinstance(hook, Webhook)
    assert isinstance(bot, AppriseChannel)
    assert (hook.target, bot.kind, bot.target) == ("https://h.example.com:8", "tgram", "Telegram")
    await outward.close()
