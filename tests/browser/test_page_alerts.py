"""Alerts on the page: the sentence as controls and as text, lines that are dragged, the list, rehearsal and why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browser.alert_pages import CROSSING, agreed, alerted, at_alerts, at_form
from browser.market_pages import drawn
from browser.page_desk import browser_page
from playwright.async_api import Page, expect

pytestmark = pytest.mark.needs("chromium", "ui")

LINE = "a1:0:level"


async def line(page: Page, name: str = LINE) -> Any:
    """The handle of a line, where it is."""
    handle = page.locator(f'[data-testid="alert-line"][data-id="{name}"]')
    await expect(handle).to_be_visible()
    return handle


async def drag(page: Page, name: str, by: float) -> None:
    """The handle of a line, with the pointer."""
    box = await (await line(page, name)).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x, y + by / 2, steps=4)
    await page.mouse.move(x, y + by, steps=4)
    await page.mouse.up()


async def test_controls_and_sentence_agree_and_what_is_armed_is_what_they_say(chromium_path: Path) -> None:
    async with alerted() as desk, browser_page(chromium_path, desk.served.url) as page:
        await drawn(page)
        await at_alerts(page)
        await expect(page.get_by_test_id("alerts-empty")).to_be_visible()
        await at_form(page)
        sentence, level = page.get_by_test_id("alert-sentence"), page.locator('[data-part="level"]')
        await level.fill("61,005")
        await page.locator('[data-part="rearm"]').fill("61,002")
        await page.locator('[data-part="repeat"]').select_option("every")
        await agreed(page)
        await expect(sentence).to_have_value(
            "BTC-USDT@binance crosses above 61,005, again below 61,002, every time"
        )
        await sentence.fill("BTC-USDT leaves 60,990 to 61,020, once, critical, note out of the range")
        await agreed(page)
        await expect(page.locator('[data-part="kind"]')).to_have_value("leaves")
        await expect(page.locator('[data-part="low"]')).to_have_attribute("data-value", "60990")
        await expect(page.locator('[data-part="severity"]')).to_have_value("critical")
        await expect(page.locator('[data-part="note"]')).to_have_value("out of the range")
        await page.get_by_test_id("alert-arm").click()
        rule = page.get_by_test_id("alert-rule")
        await expect(rule).to_contain_text("leaves 60,990 to 61,020")
        await expect(page.get_by_test_id("alert-new")).to_be_focused()
    [armed] = desk.alerts.armed.values()
    assert armed.sentence == (
        "BTC-USDT@binance leaves 60,990 to 61,020, once, critical, note out of the range"
    )


async def test_what_is_refused_is_said_at_its_part(chromium_path: Path) -> None:
    async with alerted() as desk, browser_page(chromium_path, desk.served.url) as page:
        await at_form(page)
        problem = page.get_by_test_id("alert-problem")
        await page.locator('[data-part="level"]').fill("61,005")
        await page.locator('[data-part="rearm"]').fill("70,000")
        await expect(problem).to_have_attribute("data-about", "rearm")
        await expect(problem).to_contain_text("expected a level at or below 61005")
        await expect(page.locator('[data-part="rearm"]')).to_have_attribute("aria-invalid", "true")
        await expect(page.get_by_test_id("alert-arm")).to_be_disabled()
        await page.locator('[data-part="rearm"]').fill("")
        await expect(problem).to_have_count(0)
        await page.locator('[data-part="level"]').fill("0")
        await expect(problem).to_have_attribute("data-about", "level")
        for said, named in (
            ("BTC-USDT crosses above 61,005, evry time", "evry"),
            ("NOPE-USDT crosses above 1", "NOPE-USDT"),
            ("BTC-USDT is above 61,000 and BTC-USDT is below 60,000", "at once"),
            ("BTC-USDT crosses above 61,005, via pigeon", "pigeon"),
        ):
            await page.get_by_test_id("alert-sentence").fill(said)
            await expect(problem).to_have_attribute("data-about", "sentence")
            await expect(problem).to_contain_text(named)
        assert desk.alerts.armed == {}


async def test_a_field_that_cannot_be_read_keeps_from_arming(chromium_path: Path) -> None:
    async with alerted() as desk, browser_page(chromium_path, desk.served.url) as page:
        await at_form(page)
        level, arm = page.locator('[data-part="level"]'), page.get_by_test_id("alert-arm")
        misread, sentence = page.get_by_test_id("alert-misread"), page.get_by_test_id("alert-sentence")
        await level.fill("61,005")
        await agreed(page)
        for text in ("61005x", "61005,50", "", "61,006.5.5"):
            await level.fill(text)
            await expect(misread).to_contain_text(f'expected a number such as 65,000.50, found "{text}"')
            await expect(level).to_have_attribute("aria-invalid", "true")
            await expect(arm).to_be_disabled()
            await level.press("Enter")
        await level.fill("61,007")
        await expect(misread).to_have_count(0)
        await expect(arm).to_be_enabled()
        await page.get_by_test_id("alert-more").click()
        hold = page.locator('[data-part="hold"]')
        await hold.fill("10 minutes")
        await expect(misread).to_contain_text("Hold: expected a length such as 30s, 10m or 4h")
        await expect(arm).to_be_disabled()
        await hold.fill("10m")
        await expect(arm).to_be_enabled()
        await level.fill("6x")
        await sentence.fill("BTC-USDT crosses above 61,009")  # it takes the place of what is typed elsewhere
        await agreed(page)
        await expect(level).to_have_value("61,009.00")
        await expect(misread).to_have_count(0)
        assert desk.alerts.armed == {}
        await arm.click()
        await expect(page.get_by_test_id("alert-rule")).to_contain_text("crosses above 61,009")
    assert [each.sentence for each in desk.alerts.armed.values()] == [
        "BTC-USDT@binance crosses above 61,009, once"
    ]


async def test_no_more_than_the_limit_with_the_reason(chromium_path: Path) -> None:
    async with alerted(CROSSING, most=1) as desk, browser_page(chromium_path, desk.served.url) as page:
        await at_form(page)
        await page.get_by_test_id("alert-arm").click()
        await expect(page.get_by_test_id("alert-problem")).to_contain_text("at most 1 armed")
        await expect(page.get_by_test_id("alert-form")).to_be_visible()


async def test_the_line_of_the_form_is_dragged_and_moved_by_keys(chromium_path: Path) -> None:
    async with alerted() as desk, browser_page(chromium_path, desk.served.url) as page:
        await at_form(page)
        level = page.locator('[data-part="level"]')
        await page.get_by_test_id("alert-sentence").fill(CROSSING)
        await agreed(page)
        await drag(page, "draft:0:level", -40)
        await agreed(page)
        moved = float(await level.get_attribute("data-value") or 0)
        assert moved > 61_005
        rearm = float(await page.locator('[data-part="rearm"]').get_attribute("data-value") or 0)
        assert moved - rearm == pytest.approx(3.0, abs=0.02)  # the distance is kept
        await expect(page.get_by_test_id("alert-sentence")).to_have_value(
            re.compile(f"{moved:,.2f}".rstrip("0"))
        )
        await level.focus()
        await page.keyboard.press("ArrowUp")
        await expect(level).to_have_attribute("data-value", re.compile(f"^{moved + 10:.1f}"))
        await agreed(page)
        handle = await line(page, "draft:0:level")
        await handle.focus()
        await page.keyboard.press("ArrowDown")
        await expect(level).to_have_attribute("data-value", re.compile(f"^{moved:.1f}"))
        assert desk.alerts.armed == {}


async def test_a_dragged_line_edits_its_rule_and_goes_back_where_somebody_was_faster(
    chromium_path: Path,
) -> None:
    async with alerted(CROSSING) as desk, browser_page(chromium_path, desk.served.url) as page:
        await drawn(page)
        await drag(page, LINE, -30)
        said = page.locator('[data-testid="toast"][data-key="armed"]')
        await expect(said).to_contain_text("a1 is moved")
        held = desk.alerts.armed["a1"]
        assert held.version == 2
        assert held.lines[0].price > 61_005

        # Somebody else edits it, and what this page sends is as if it had not heard it yet.
        await desk.alerts.edit("a1", desk.alerts.read_sentence("BTC-USDT crosses above 61,004, once"), 2)
        await expect(await line(page)).to_have_attribute("aria-valuenow", "61004")
        await page.route("**/api/v1/alerts/a1", _with_the_version_before)
        await drag(page, LINE, -30)
        refused = page.locator('[data-testid="toast"][data-key="refused"]')
        await expect(refused).to_contain_text("changed by somebody else")
        await expect(await line(page)).to_have_attribute("aria-valuenow", "61004")
        assert desk.alerts.armed["a1"].version == 3


async def _with_the_version_before(route: Any) -> None:
    body = route.request.post_data_json
    if body is None:
        await route.continue_()
    else:
        await route.continue_(post_data={**body, "version": body["version"] - 1})


async def test_two_edits_at_once_and_the_second_is_told(chromium_path: Path) -> None:
    async with alerted(CROSSING) as desk, browser_page(chromium_path, desk.served.url) as page:
        await at_alerts(page)
        await page.get_by_test_id("edit").click()
        await agreed(page)
        await desk.alerts.edit("a1", desk.alerts.read_sentence("BTC-USDT crosses below 60,000, once"), 1)
        await page.locator('[data-part="level"]').fill("61,006")
        await agreed(page)
        await page.get_by_test_id("alert-arm").click()
        await expect(page.get_by_test_id("alert-overtaken")).to_contain_text("crosses below 60,000")
        await page.get_by_role("button", name="Put mine over it").click()
        await expect(page.get_by_test_id("alert-form")).to_have_count(0)
        assert desk.alerts.armed["a1"].version == 3
        assert "61,006" in desk.alerts.armed["a1"].sentence


async def test_pause_remove_undo_and_how_rules_stand_by_keys_alone(chromium_path: Path) -> None:
    several = (CROSSING, "BTC-USDT signal above 80%, once", "ETH-USDT is above 1, every time")
    async with alerted(*several) as desk, browser_page(chromium_path, desk.served.url) as page:
        await at_alerts(page)
        row = page.locator('[data-testid="alert-rule"][data-name="a1"]')
        await expect(page.locator('[data-name="a2"]')).to_contain_text("waits for signal")
        await row.focus()
        await page.keyboard.press("p")
        await expect(row).to_have_attribute("data-look", "paused")
        await row.focus()
        await page.keyboard.press("p")
        await expect(row).not_to_have_attribute("data-look", "paused")
        await row.focus()
        await page.keyboard.press("Delete")
        await expect(row).to_have_count(0)
        await expect(page.locator('[data-testid="toast"][data-key="removed:a1"]')).to_be_visible()
        await page.keyboard.press("Control+z")
        await expect(page.locator('[data-testid="alert-rule"][data-name="a4"]')).to_contain_text("61,005")
        assert desk.alerts.armed["a4"].rule == desk.alerts.removed["a1"].rule


async def test_a_rehearsal_is_plotted_and_its_advice_taken(chromium_path: Path) -> None:
    async with alerted() as desk, browser_page(chromium_path, desk.served.url) as page:
        await at_form(page)
        await page.get_by_test_id("rehearse-open").click()
        shown = page.get_by_test_id("rehearsal")
        await expect(shown).to_have_attribute("data-fired", "3")
        await expect(shown.locator(".mark")).to_have_count(3)
        await expect(page.get_by_test_id("rehearsal-unknown")).to_have_count(1)
        await expect(shown).to_contain_text("2 swallowed by the cooldown")
        await expect(page.get_by_test_id("rehearsal-bound")).to_have_count(0)
        await page.get_by_test_id("rehearse-over").select_option("bars")
        await expect(page.get_by_test_id("rehearsal-bound")).to_contain_text("lower bound")
        await expect(page.get_by_test_id("rehearsal-words")).to_contain_text("at least 3 times")
        await page.locator('[data-part="per-day"]').fill("5")
        await page.get_by_test_id("take-cooldown").click()
        await expect(page.locator('[data-part="cooldown"]')).to_have_value("10m")
        await agreed(page)
        await expect(page.get_by_test_id("alert-sentence")).to_have_value(
            re.compile("every time, cooldown 10m")
        )
        assert desk.alerts.asked["per_day"] == 5.0


async def test_why_with_its_journal_trades_and_where_it_was_told(chromium_path: Path) -> None:
    async with (
        alerted(f"{CROSSING}, via telegram") as desk,
        browser_page(chromium_path, desk.served.url) as page,
    ):
        await at_alerts(page)
        desk.alerts.fire("a1", late=True)
        await expect(page.get_by_test_id("bell")).to_have_attribute("data-unread", "1")
        await page.keyboard.press("n")
        row = page.get_by_test_id("centre-row")
        await expect(row).to_have_attribute("data-late", "true")
        await expect(row).to_contain_text("late: found after the fact")
        await expect(row).to_contain_text(re.compile(r"01:24:00\.000 UTC.*told 9 Aug 01:24:00\.000 UTC"))
        await row.focus()
        await page.keyboard.press("w")
        await expect(page.get_by_test_id("why-reason")).to_have_text("fired")
        await expect(page.get_by_test_id("why-steps")).to_contain_text("fired at 65,001.2")
        await expect(page.get_by_test_id("why-trades")).to_contain_text("61,000.00")
        await expect(page.get_by_test_id("why-deliveries")).to_contain_text("telegram on its way")
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("why-sheet")).to_be_hidden()


async def test_the_console_has_the_same_verbs(chromium_path: Path) -> None:
    async with alerted() as desk, browser_page(chromium_path, desk.served.url) as page:
        await drawn(page)
        said: list[Any] = await page.evaluate(
            """async () => {
                const { alerts } = window.bethna;
                const [row] = await alerts.add('BTC-USDT crosses above 61,005, once');
                const paused = (await alerts.pause(row.name)).phase;
                await alerts.resume(row.name);
                const edited = (await alerts.edit(row.name, 'BTC-USDT crosses above 61,006, once')).version;
                const why = (await alerts.why(row.name, { at: '2024-08-09T00:00:00Z' })).at;
                const rehearsed = (await alerts.rehearse(row.rule, { per_day: 3 })).fired.length;
                const preview = (await alerts.preview('BTC-USDT is above 1')).sentence;
                const refused = await alerts.add('nonsense').catch(error => error.code);
                const listed = (await alerts.list()).length;
                await alerts.remove(row.name);
                return [paused, edited, why, rehearsed, preview, refused, listed,
                    (await alerts.list()).length, (await alerts.history()).length];
            }"""
        )
        at = 1_723_161_600_000_000
        preview = "BTC-USDT@binance is above 1, once"
        assert said == ["paused", 2, at, 3, preview, said[5], 1, 0, 0]
        assert said[5] in ("bad_setting", "unknown_instrument")
    assert list(desk.alerts.removed) == ["a1"]
