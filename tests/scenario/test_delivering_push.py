"""The channel `push`: all browsers that asked for it, at a push service of bare sockets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from scenario.alert_ends import PLAIN, Box, End, browser, serve
from sqlalchemy import Connection

from bethna.core.errors import ConfigError, StoreError
from bethna.net.web_push import PushKeys, WebPush
from bethna.store.alerts import outbox


def pusher(box: Box) -> WebPush:
    return WebPush(PushKeys(box.folder / "vapid.pem"), box.outward_of(), box.clock)


NAMELESS = {"a1": replace(PLAIN, channels=())}


async def test_browsers_are_pushed_to_and_one_that_is_gone_is_removed_and_told(tmp_path: Path) -> None:
    box = Box(tmp_path, NAMELESS)
    end = End(lambda number: ("201", "410")[number % 2] if number < 2 else "201")
    async with serve(end), box.running([], pusher(box)) as delivering:
        (view,) = delivering.channels()
        assert (view.name, view.ready, view.why) == ("push", False, "no browser asks for push messages")
        assert (await delivering.test("push")).final
        with pytest.raises(ConfigError):
            await delivering.push_add(replace(browser(end), auth="x"))
        box.fire("a1")
        for number in (1, 2):
            await delivering.push_add(browser(end, number, f"phone {number}"))
        await delivering.push_add(browser(end, 2, "phone 2"))
        assert delivering.channels()[0].target == "2 browsers"
        box.fire("a1")
        await box.until(lambda: delivering.channels()[0].sent == 1)
        assert delivering.channels()[0].target == "1 browser"
        box.fire("a1")
        await box.until(lambda: delivering.channels()[0].sent == 2)
        left = box.journal.work(outbox.push_list)
        assert len(left) == 1
        await delivering.push_remove(left[0].endpoint)
        await delivering.push_remove(left[0].endpoint)
        assert not delivering.channels()[0].ready
        assert len(delivering.push_key()) == 87
    assert [each.firing for each in box.deliveries()] == [2, 3], "the first came before there was a browser"
    assert box.codes() == [("push_subscription_gone", "push")]
    gone = next(each for each in end.asked if not each.taken)
    assert box.events[0][2].startswith(f"the browser 'phone {gone.path[-1]}'")
    headers = end.asked[0].headers
    assert (headers["ttl"], headers["urgency"], headers["content-encoding"]) == (
        "86400",
        "normal",
        "aes128gcm",
    )
    assert headers["authorization"].startswith("vapid t=")
    assert len(headers["topic"]) == 32
    assert all(each.headers["topic"] == headers["topic"] for each in end.asked[:2])


async def test_a_push_service_that_is_down_holds_the_other_browsers_up_for_little(tmp_path: Path) -> None:
    box = Box(tmp_path, NAMELESS)
    good, bad = End(lambda _number: "201"), End(lambda _number: "503/1")
    async with serve(good), serve(bad), box.running([], pusher(box)) as delivering:
        await delivering.push_add(browser(good, 1))
        await delivering.push_add(browser(bad, 2))
        box.fire("a1")
        await box.until(lambda: box.states() == {"sent"})
    assert (len(good.asked), len(bad.asked)) == (1, 3)


async def test_without_a_browser_that_takes_it_a_push_is_given_up(tmp_path: Path) -> None:
    box = Box(tmp_path, {"a1": replace(PLAIN, channels=("push",)), "b": NAMELESS["a1"]})
    end = End(lambda _number: "404")
    async with serve(end), box.running([], pusher(box)) as delivering:
        box.fire("a1")
        await box.until(lambda: box.states() == {"dead"})
        await delivering.push_add(browser(end))
        box.fire("a1")
        await box.until(lambda: [str(each.state) for each in box.deliveries()] == ["dead", "dead"])
    first, second = box.deliveries()
    assert first.error == "no browser asks for push messages"
    assert second.error == "127.0.0.1 answered HTTP 404"


async def test_a_push_that_nobody_takes_for_now_waits(tmp_path: Path) -> None:
    box = Box(tmp_path, NAMELESS)
    end = End(lambda number: "500" if number < 5 else "201")
    async with serve(end), box.running([], pusher(box)) as delivering:
        await delivering.push_add(browser(end))
        box.fire("a1")
        await box.until(lambda: box.states() == {"sent"})
    assert len(end.asked) == 6


async def test_a_disk_that_refuses_to_forget_a_browser_finds_it_gone_again(tmp_path: Path) -> None:
    box, refusing = Box(tmp_path, NAMELESS), [False]
    real = box.do

    async def do(ask: Callable[[Connection], object]) -> object:
        if refusing[0] and getattr(ask, "func", None) is outbox.push_remove:
            raise StoreError("the disk is full")
        return await real(ask)

    box.do = do  # type: ignore[method-assign,assignment]  # the disk is what is tried
    end = End(lambda _number: "410")
    async with serve(end), box.running([], pusher(box)) as delivering:
        await delivering.push_add(browser(end))
        refusing[0] = True
        box.fire("a1")
        await box.until(lambda: box.states() == {"dead"})
        assert len(box.journal.work(outbox.push_list)) == 1
        refusing[0] = False
        box.fire("a1")
        await box.until(lambda: not box.journal.work(outbox.push_list))


async def test_a_browser_whose_keys_are_none_is_removed(tmp_path: Path) -> None:
    box = Box(tmp_path, NAMELESS)
    end = End(lambda _number: "201")
    box.journal.work(partial(outbox.push_add, subscription=replace(browser(end), auth="AA"), at=1))
    box.fire("a1")
    async with serve(end), box.running([], pusher(box)):
        await box.until(lambda: box.states() == {"dead"})
    assert box.codes()[0] == ("push_subscription_gone", "push")
    assert end.asked == []
