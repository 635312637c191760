"""Where things are on the page and that they stay there: dividers, workspaces, zones, themes, sizes of screens."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from _memorydesk import BTC
from browser.market_pages import a_served_market, drawn, quote
from browser.page_desk import browser_page
from playwright.async_api import Page, expect

pytestmark = pytest.mark.needs("chromium", "ui")

SCREENS = [(1440, 900), (820, 1180), (390, 844)]
DIVIDERS = ("divider-left", "divider-right", "divider-chart", "divider-book")
FIRST_VIEW_BYTES = 150_000
SETTINGS_KEY = "bethna.settings"


async def value_of(page: Page, divider: str) -> int:
    return int(await page.get_by_test_id(divider).get_attribute("aria-valuenow") or "-1")


async def width_of(page: Page, testid: str) -> float:
    box = await page.get_by_test_id(testid).bounding_box()
    assert box is not None
    return box["width"]


async def theme_of(page: Page) -> str:
    return str(await page.evaluate("() => document.documentElement.dataset.theme"))


async def test_panels_are_resized_by_hand_and_by_key_and_stay_so_after_a_reload(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        before = {name: await value_of(page, name) for name in DIVIDERS}
        handle = page.get_by_test_id("divider-left")
        box = await handle.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
        await page.mouse.down()
        await page.mouse.move(box["x"] + 64, box["y"] + 240, steps=4)
        await page.mouse.up()
        assert (
            before["divider-left"] + 50 < await value_of(page, "divider-left") < before["divider-left"] + 70
        )
        assert abs(await width_of(page, "watchlist") - await value_of(page, "divider-left")) <= 1
        for name, key in (
            ("divider-right", "ArrowLeft"),
            ("divider-chart", "ArrowDown"),
            ("divider-book", "ArrowUp"),
        ):
            await page.get_by_test_id(name).focus()
            await page.keyboard.press(key)
            assert await value_of(page, name) != before[name], name
        assert abs(await width_of(page, "book") - await value_of(page, "divider-right")) <= 1
        changed = {name: await value_of(page, name) for name in DIVIDERS}
        await page.keyboard.press("Escape")
        await page.keyboard.press("5")
        await page.keyboard.press("t")
        await page.keyboard.press("e")
        await page.goto("about:blank")
        await page.goto(served.url)  # another day: nothing in the address
        await drawn(page)
        assert {name: await value_of(page, name) for name in DIVIDERS} == changed
        await expect(page.get_by_role("button", name="30m", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        await expect(page.get_by_role("tab", name="Events")).to_have_attribute("aria-selected", "true")
        assert await theme_of(page) == "light"
        await page.keyboard.press("0")
        assert {name: await value_of(page, name) for name in DIVIDERS} == before
        for key, bound in (("Home", "aria-valuemin"), ("End", "aria-valuemax")):
            for name in DIVIDERS:
                divider = page.get_by_test_id(name)
                await divider.focus()
                await page.keyboard.press(key)
                assert await divider.get_attribute(bound) == str(await value_of(page, name))
            await _nothing_sticks_out(page)


async def test_a_workspace_is_a_link_that_is_applied_with_a_way_back(chromium_path: Path) -> None:
    async with a_served_market() as served:
        async with browser_page(chromium_path, served.url) as page:
            await drawn(page)
            await page.keyboard.press("4")
            await page.get_by_test_id("divider-left").focus()
            await page.keyboard.press("End")
            await page.get_by_test_id("settings-open").click()
            await page.get_by_label("Blue and orange").check()
            await page.get_by_test_id("zone").fill("Asia/Tokyo")
            link = await page.get_by_test_id("workspace-link").input_value()
            left = await value_of(page, "divider-left")
        assert link.startswith(f"{served.url}/#w=1;s=BTC-USDT@binance;i=15m")
        async with browser_page(chromium_path, link) as page:
            await drawn(page)
            await expect(page.get_by_role("button", name="15m")).to_have_attribute("aria-pressed", "true")
            await expect(page.get_by_test_id("clock")).to_contain_text("UTC+9")
            assert await value_of(page, "divider-left") == left
            assert await page.evaluate("() => document.documentElement.dataset.palette") == "blue-orange"
            assert "w=" not in page.url, "a reload would undo what is changed from now on"
            said = page.locator('[data-testid="toast"]', has_text="The workspace of the link is in use.")
            await said.get_by_role("button", name="Undo").click()
            await expect(page.get_by_role("button", name="1m", exact=True)).to_have_attribute(
                "aria-pressed", "true"
            )
            await expect(page.get_by_test_id("clock")).to_contain_text(re.compile(r"UTC$"))
            assert await page.evaluate("() => document.documentElement.dataset.palette") == "classic"
            # A link that is opened in a page that runs already, in part broken.
            await page.evaluate("() => { location.hash = 'w=1;i=5m;t=neon;z=Mars/Olympus' }")
            await expect(page.get_by_role("button", name="5m", exact=True)).to_have_attribute(
                "aria-pressed", "true"
            )
            toasts = page.get_by_label("Messages")
            await expect(toasts).to_contain_text("This page knows no theme “neon”")
            await expect(toasts).to_contain_text("no time zone “Mars/Olympus”")
            await page.keyboard.press("u")
            await expect(page.get_by_role("button", name="1m", exact=True)).to_have_attribute(
                "aria-pressed", "true"
            )
            await page.evaluate("() => { location.hash = 'w=9;i=1h' }")
            await expect(toasts).to_contain_text(
                "version “9”, this page reads version 1: nothing was changed"
            )
            await expect(page.get_by_role("button", name="1m", exact=True)).to_have_attribute(
                "aria-pressed", "true"
            )


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("{", "The settings kept in this browser cannot be read"),
        (
            json.dumps(
                {"theme": "neon", "zone": "Mars/Olympus", "interval": "5m", "sizes": {"left": "wide"}}
            ),
            "This page knows no theme “neon”",
        ),
    ],
)
async def test_what_was_kept_and_cannot_be_read_is_told_once_and_costs_nothing_else(
    chromium_path: Path, kept: str, said: str
) -> None:
    once = f"""if (!sessionStorage.getItem('done')) {{
        sessionStorage.setItem('done', 'yes'); localStorage.setItem('{SETTINGS_KEY}', {json.dumps(kept)});
    }}"""
    async with a_served_market() as served, browser_page(chromium_path, served.url, before=once) as page:
        await drawn(page)
        toasts = page.get_by_label("Messages")
        await expect(toasts).to_contain_text(said)
        assert await theme_of(page) == "dark"
        interval = "5m" if "5m" in kept else "1m"
        chosen = page.get_by_role("button", name=interval, exact=True)
        await expect(chosen).to_have_attribute("aria-pressed", "true")
        await page.reload()
        await drawn(page)
        await expect(chosen).to_have_attribute("aria-pressed", "true")
        await expect(page.get_by_test_id("toast")).to_have_count(0)


async def test_the_zone_is_everywhere_and_beside_every_time(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        utc = await page.locator('[data-testid="tape-row"] .time').first.inner_text()
        await page.keyboard.press(",")
        zone = page.get_by_test_id("zone")
        await zone.fill("Asia/Kolkata")
        await expect(page.locator("#zone-now")).to_contain_text("UTC+5:30, Asia/Kolkata")
        await zone.fill("Nowhere")
        await zone.press("Tab")
        await expect(page.locator("#zone-now")).to_contain_text("knows no zone “Nowhere”")
        await expect(page.get_by_test_id("clock")).to_contain_text("UTC+5:30")
        await page.get_by_label("1234567.8").check()
        await page.keyboard.press("Escape")
        for testid in ("clock", "chart-zone", "tape"):
            await expect(page.get_by_test_id(testid)).to_contain_text("UTC+5:30")
        there = await page.locator('[data-testid="tape-row"] .time').first.inner_text()
        hour, minute = (int(part) for part in utc.split(":")[:2])
        shifted = (hour * 60 + minute + 330) % (24 * 60)
        assert there.startswith(f"{shifted // 60:02}:{shifted % 60:02}:")
        await expect(page.get_by_test_id("head-price")).to_have_text("61000.00")
        await page.keyboard.press("8")
        await expect(page.get_by_test_id("chart-zone")).to_have_text("UTC")  # a day's bar is a day of UTC


async def test_colours_follow_the_system_and_up_is_whatever_the_user_sees_in_it(chromium_path: Path) -> None:
    token = """name => { const i = document.createElement('i'); i.style.color = `var(${name})`;
        document.body.append(i); const found = getComputedStyle(i).color; i.remove(); return found }"""
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        assert await theme_of(page) == "dark"
        await page.emulate_media(color_scheme="light")
        await page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
        up, down, good = [await page.evaluate(token, name) for name in ("--up", "--down", "--good")]
        await page.keyboard.press(",")
        await page.get_by_test_id("swap").check()
        assert [await page.evaluate(token, name) for name in ("--up", "--down", "--good")] == [down, up, good]
        await page.get_by_label("Dark", exact=True).check()
        await page.emulate_media(color_scheme="dark")
        await page.emulate_media(color_scheme="light")
        assert await theme_of(page) == "dark"
        bid = page.get_by_test_id("book-bid-0-price")
        assert await bid.evaluate("e => getComputedStyle(e).color") == await page.evaluate(token, "--up")


PLACES = """() => Object.fromEntries([...document.querySelectorAll(
    'section, header, main, [data-testid], .heads span')].flatMap((e, i) => {
    if (e.closest('[data-testid="toast"], dialog')) return [];
    if (e.matches('[data-testid="tape-row"], [data-testid="legend"]')) return [];
    const box = e.getBoundingClientRect();
    if (box.width === 0) return [];
    return [[`${e.dataset.testid ?? e.className ?? e.tagName} ${i}`, [box.top, box.left, box.right].map(Math.round)]];
}))"""


def stays(before: list[int], now: list[int] | None) -> bool:
    """What grows keeps its line and one of its ends: the left, or the right where it is aligned to that."""
    return now is not None and before[0] == now[0] and (before[1] == now[1] or before[2] == now[2])


@pytest.mark.parametrize(("width", "height"), SCREENS)
async def test_nothing_moves_when_numbers_grow(chromium_path: Path, width: int, height: int) -> None:
    async with (
        a_served_market(9.25) as served,
        browser_page(chromium_path, served.url, width, height) as page,
    ):
        await drawn(page)
        before: dict[str, Any] = await page.evaluate(PLACES)
        for price, quantity in ((123_456.75, 98_765.4321), (0.25, 0.00001), (432_100.5, 1.0)):
            quote(served.desk, price, quantity)
            served.desk.trade(BTC, price, quantity)
            head = page.get_by_test_id("head-price")
            await expect(head).to_have_attribute("data-value", f"{price:g}" if price == 0.25 else str(price))
            await page.wait_for_function(
                "price => Math.abs(window.bethna.book.asks[0][0] - price) < price / 100", arg=price
            )
            now: dict[str, Any] = await page.evaluate(PLACES)
            moved = {each: (at, now.get(each)) for each, at in before.items() if not stays(at, now.get(each))}
            assert not moved, f"moved at {price}"
        await _nothing_sticks_out(page)


@pytest.mark.parametrize(("width", "height"), SCREENS)
async def test_sheets_fit_and_targets_are_large_enough_for_a_finger(
    chromium_path: Path, width: int, height: int
) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url, width, height) as page:
        await drawn(page)
        for key, sheet in ((",", "settings-sheet"), ("?", "help-sheet")):
            await page.keyboard.press(key)
            box = await page.get_by_test_id(sheet).bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
            await page.keyboard.press("Escape")
            await expect(page.get_by_test_id(sheet)).to_be_hidden()
        if width < 1200:
            small = await page.locator("nav button, header button.icon-button").evaluate_all(
                """all => all.filter(e => e.offsetParent && (e.offsetWidth < 44 || e.offsetHeight < 44))
                    .map(e => e.outerHTML)"""
            )
            assert small == []


async def test_the_scripts_of_the_first_view_are_small(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        loaded: list[str] = await page.evaluate(
            """() => performance.getEntriesByType('resource').map(e => e.name).filter(name => /\\.js$/.test(name))"""
        )
        assert {name.rsplit("/", 1)[1].split("-")[0] for name in loaded} >= {"index", "worker", "lightweight"}
        packed = {name: len(gzip.compress((await served.http.get(name)).content, 6)) for name in set(loaded)}
    assert sum(packed.values()) <= FIRST_VIEW_BYTES, packed


async def _nothing_sticks_out(page: Page) -> None:
    wide, high, across, down = await page.evaluate(
        "() => { const e = document.documentElement; return [e.scrollWidth, e.scrollHeight, innerWidth, innerHeight] }"
    )
    assert (wide, high) <= (across, down)
