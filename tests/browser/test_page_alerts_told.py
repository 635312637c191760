"""That an alert is told: messages, sounds, the badge and what is read, notifications of the browser, and Web Push."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from browser.alert_pages import CROSSING, agreed, alerted, at_alerts, hide
from browser.market_pages import drawn
from browser.page_desk import browser_page
from playwright.async_api import BrowserContext, CDPSession, Page, expect

from bethna.core.status import Simulation

pytestmark = pytest.mark.needs("chromium", "ui")

CRITICAL = "BTC-USDT crosses below 60,995, every time, critical"
SHOWN = """async () => { const registration = await navigator.serviceWorker.getRegistration('/');
    return (await registration?.getNotifications() ?? []).map(each => [each.title, each.body, each.tag]) }"""
ENDPOINT = "https://push.example/of-this-browser"
# To subscribe for good a browser asks the push service of its maker, which no test can reach.
STUBBED = f"""(() => {{
    let now = null;
    PushManager.prototype.subscribe = async function (options) {{
        now = {{ endpoint: '{ENDPOINT}', options: {{ applicationServerKey: options.applicationServerKey.buffer }},
            toJSON: () => ({{ endpoint: '{ENDPOINT}', keys: {{ p256dh: 'cGs', auth: 'YXV0aA' }} }}),
            unsubscribe: async () => {{ now = null; return true }} }};
        window.visible = options.userVisibleOnly;
        return now;
    }};
    PushManager.prototype.getSubscription = async () => now;
    window.expire = () => (now = null);
}})()"""


async def badge(page: Page, unread: int) -> None:
    await expect(page.get_by_test_id("bell")).to_have_attribute("data-unread", str(unread))


async def sounds(page: Page) -> dict[str, int]:
    found: dict[str, int] = await page.evaluate("() => ({ ...window.bethna.sounds })")
    return found


async def shown(page: Page, count: int) -> list[list[str]]:
    """What this browser shows of the desk, once it is so many."""
    await page.wait_for_function(f"async () => (await ({SHOWN})()).length === {count}", timeout=30_000)
    found: list[list[str]] = await page.evaluate(SHOWN)
    return found


async def test_a_message_leaves_the_buttons_of_the_form_free_on_a_phone(chromium_path: Path) -> None:
    async with alerted(CRITICAL) as desk, browser_page(chromium_path, desk.served.url, 360, 740) as page:
        await drawn(page)
        await page.locator("button:visible", has_text="Alerts").last.click()
        await page.get_by_test_id("alert-new").click()
        await agreed(page)
        alert = desk.alerts.fire("a1")
        told = page.locator(f'[data-testid="toast"][data-key="alert:{alert.key}"]')
        await expect(told).to_contain_text("a1 fired")
        for name in ("rehearse-open", "alert-cancel", "alert-arm"):
            await page.get_by_test_id(name).click(trial=True)  # refuses what is covered
        await page.get_by_test_id("alert-cancel").click()
        await expect(page.get_by_test_id("alert-form")).to_have_count(0)


async def test_a_message_with_the_sound_of_its_severity_and_the_badge(chromium_path: Path) -> None:
    async with alerted(CROSSING, CRITICAL) as desk, browser_page(chromium_path, desk.served.url) as page:
        await drawn(page)
        await badge(page, 0)
        await page.evaluate(
            "() => { window.heard = []; addEventListener('bethna-sound', ({ detail }) => window.heard.push(detail)) }"
        )
        info, critical = desk.alerts.fire("a1"), desk.alerts.fire("a2")
        first = page.locator(f'[data-testid="toast"][data-key="alert:{info.key}"]')
        second = page.locator(f'[data-testid="toast"][data-key="alert:{critical.key}"]')
        await expect(second).to_contain_text("a2 fired")
        await badge(page, 2)
        assert (await sounds(page))["critical"] == 1
        assert await page.evaluate("() => window.heard.every(each => each.muted === false)")
        await expect(first).to_have_count(0, timeout=15_000)  # five seconds of the page's own clock
        await expect(second).to_be_visible()
        await second.get_by_role("button", name="Put this message away").click()
        await expect(second).to_have_count(0)
        await at_alerts(page)
        await page.get_by_test_id("mute").click()
        desk.alerts.fire("a1")
        await page.wait_for_function("() => window.heard.at(-1)?.muted === true")
        await page.reload()
        await drawn(page)
        await at_alerts(page)
        await expect(page.get_by_test_id("mute")).to_have_attribute("aria-pressed", "true")


async def test_a_storm_is_one_message_that_says_how_many(chromium_path: Path) -> None:
    async with alerted(CROSSING, CRITICAL) as desk, browser_page(chromium_path, desk.served.url) as page:
        await drawn(page)
        for _ in range(30):
            desk.alerts.fire("a1")
        storm = page.locator('[data-testid="toast"][data-key="alerts"]')
        await expect(storm).to_contain_text("30 alerts have fired")
        await expect(page.get_by_test_id("toast")).to_have_count(1)
        await badge(page, 30)
        assert sum((await sounds(page)).values()) < 30
        desk.alerts.fire("a2")
        await expect(storm).to_contain_text("31 alerts")
        await storm.get_by_role("button", name="Show").click()
        await expect(page.get_by_test_id("centre-row")).to_have_count(31)


async def test_tabs_agree_on_what_is_read_and_cleared(chromium_path: Path) -> None:
    async with alerted(CROSSING, CRITICAL) as desk, browser_page(chromium_path, desk.served.url) as page:
        other = await page.context.new_page()
        await other.goto(desk.served.url)
        for each in (page, other):
            await drawn(each)
        desk.alerts.fire("a1")
        desk.alerts.fire("a2")
        desk.alerts.fire("a1")
        for each in (page, other):
            await badge(each, 3)
            await each.get_by_test_id("bell").click()
            await expect(each.get_by_test_id("centre-row")).to_have_count(3)
        await page.get_by_test_id("centre-read").first.click()
        await badge(other, 2)
        await expect(other.get_by_test_id("centre-row").first).to_have_attribute("data-read", "true")
        await other.get_by_test_id("centre-unread").click()
        await expect(other.get_by_test_id("centre-row")).to_have_count(2)
        await other.get_by_test_id("centre-severity").select_option("critical")
        await expect(other.get_by_test_id("centre-row")).to_have_count(1)
        await other.get_by_test_id("centre-clear").click()
        await expect(page.get_by_test_id("centre-row")).to_have_count(2)
        await badge(page, 1)
        await page.get_by_test_id("centre-read-all").click()
        await badge(other, 0)
        await page.reload()
        await badge(page, 0)
        assert len(await desk.alerts.alerts()) == 3  # the journal keeps all


async def test_what_fired_while_the_page_was_cut_off_is_told_when_it_is_back(chromium_path: Path) -> None:
    async with (
        alerted(CROSSING) as desk,
        browser_page(chromium_path, desk.served.url, before=CUTTABLE) as page,
    ):
        await drawn(page)
        await at_alerts(page)
        await page.evaluate("() => window.cut()")
        missed = desk.alerts.fire_silently("a1")
        await expect(page.get_by_test_id("pill")).to_have_text("Connected")
        await expect(page.locator(f'[data-testid="toast"][data-key="alert:{missed.key}"]')).to_be_visible()
        await badge(page, 1)


# The page's sockets on its own thread, so that a test can cut them.
CUTTABLE = """(() => {
    delete window.Worker;
    const all = [];
    const Real = WebSocket;
    window.WebSocket = class extends Real { constructor(...said) { super(...said); all.push(this) } };
    window.cut = () => all.splice(0).forEach(each => each.close());
})()"""


async def test_notifications_asked_for_on_a_click_and_shown_once_when_nobody_looks(
    chromium_path: Path,
) -> None:
    async with alerted(CROSSING) as desk, browser_page(chromium_path, desk.served.url, before=ASKED) as page:
        desk.alerts.desk.simulated = Simulation(7, "a test asks for it", False)
        await page.reload()
        await at_alerts(page)
        await page.get_by_test_id("where-open").click()
        assert await page.evaluate("() => window.asked") == 0  # nobody is asked before a click
        await page.context.grant_permissions(["notifications"], origin=desk.served.url)
        await page.get_by_test_id("notify").click()
        await expect(page.get_by_test_id("notify-state")).to_contain_text("on:")
        other = await page.context.new_page()
        await other.goto(desk.served.url)
        await drawn(other)

        await hide(page)
        await hide(other, hidden=False)
        seen = desk.alerts.fire("a1")  # somebody looks at the other tab: its message is enough
        await expect(other.locator(f'[data-key="alert:{seen.key}"]')).to_be_visible()
        await badge(page, 1)
        assert await page.evaluate(SHOWN) == []

        await hide(other)
        told = desk.alerts.fire("a1")
        await badge(page, 2)
        assert await shown(page, 1) == [
            ["[SIMULATED, seed 7] a1 fired", "at 65,001.2", told.key]
        ]  # of both tabs one


ASKED = """(() => {
    window.asked = 0;
    const real = Notification.requestPermission.bind(Notification);
    Notification.requestPermission = () => { window.asked += 1; return real() };
})()"""


async def test_a_refusal_is_said_in_words(chromium_path: Path) -> None:
    async with alerted(CROSSING) as desk, browser_page(chromium_path, desk.served.url) as page:
        await _permit(page, "denied")
        await page.reload()
        await at_alerts(page)
        await page.get_by_test_id("where-open").click()
        await expect(page.get_by_test_id("notify-state")).to_have_attribute("data-permission", "denied")
        for name in ("notify", "push"):
            await page.get_by_test_id(name).click()
            await expect(page.get_by_test_id("where-trouble")).to_contain_text("refuses notifications")
        await hide(page)
        desk.alerts.fire("a1")
        await badge(page, 1)  # the page and its centre tell in any case
        await expect(page.get_by_test_id("toast").first).to_be_visible()


async def _permit(page: Page, setting: str) -> None:
    session = await page.context.new_cdp_session(page)
    target = (await session.send("Target.getTargetInfo"))["targetInfo"]
    await session.send(
        "Browser.setPermission",
        {
            "permission": {"name": "notifications"},
            "setting": setting,
            "browserContextId": target["browserContextId"],
        },
    )


async def test_push_is_shown_with_the_page_closed_and_leads_back_to_the_alert(chromium_path: Path) -> None:
    async with (
        alerted(CROSSING) as desk,
        browser_page(chromium_path, desk.served.url, before=STUBBED) as page,
    ):
        await page.context.grant_permissions(["notifications"], origin=desk.served.url)
        await at_alerts(page)
        await page.get_by_test_id("where-open").click()
        await page.get_by_test_id("push").click()
        await expect(page.get_by_test_id("push-state")).to_have_attribute("data-state", "on")
        assert await page.evaluate("() => window.visible") is True
        assert desk.alerts.pushed[ENDPOINT].auth == "YXV0aA"

        context, url = page.context, desk.served.url
        async with workers(context, url) as (session, registration):
            await page.close()
            alert = desk.alerts.fire("a1")
            said = {
                "key": alert.key, "title": "BTC-USDT crossed 61,005", "text": "at 61,005.1", "severity": "critical",
                "fired": 1, "told": 2, "late": True, "prefix": "[SIMULATED, seed 7] ",
            }  # fmt: skip
            for data in (json.dumps(said), json.dumps(said), "not json", "null"):
                await session.send(
                    "ServiceWorker.deliverPushMessage",
                    {"origin": url, "registrationId": registration, "data": data},
                )
            bare = await context.new_page()
            await bare.goto(f"{url}/api/v1/health")  # an address without the page
            titles = await shown(bare, 2)  # pushed twice is shown once; damaged ones are shown as well
            assert ["[SIMULATED, seed 7] BTC-USDT crossed 61,005", "at 61,005.1 (late: found after the fact)",
                    alert.key] in titles  # fmt: skip
            assert any(body.startswith("An alert has fired") for _, body, _ in titles)

            # What a click opens.
            await bare.goto(f"{url}/#alert={alert.key}")
            row = bare.locator(f'[data-testid="centre-row"][data-key="{alert.key}"]')
            await expect(row).to_be_focused()
            await expect(row).to_have_attribute("data-read", "true")


@asynccontextmanager
async def workers(context: BrowserContext, url: str) -> AsyncIterator[tuple[CDPSession, str]]:
    """The browser's own view of the workers of an address, from a page that is not of it."""
    watcher = await context.new_page()
    session = await context.new_cdp_session(watcher)
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def told(event: dict[str, Any]) -> None:
        for each in event["registrations"]:
            if each["scopeURL"].startswith(url) and not found.done():
                found.set_result(each["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", told)
    await session.send("ServiceWorker.enable")
    yield session, await asyncio.wait_for(found, 20)
    await watcher.close()


async def test_a_subscription_that_the_browser_gave_up_is_removed_and_told(chromium_path: Path) -> None:
    async with (
        alerted(CROSSING) as desk,
        browser_page(chromium_path, desk.served.url, before=STUBBED) as page,
    ):
        await page.context.grant_permissions(["notifications"], origin=desk.served.url)
        await at_alerts(page)
        await page.get_by_test_id("where-open").click()
        await page.get_by_test_id("push").click()
        await expect(page.get_by_test_id("push-state")).to_have_attribute("data-state", "on")
        await page.reload()  # the stub has forgotten it, as a browser does
        await expect(page.locator('[data-testid="toast"][data-key="push"]')).to_contain_text("has ended")
        assert desk.alerts.pushed == {}
        await at_alerts(page)
        await page.get_by_test_id("where-open").click()
        await page.get_by_test_id("push").click()
        await expect(page.get_by_test_id("push-state")).to_have_attribute("data-state", "on")
        await page.get_by_test_id("push").click()
        await expect(page.get_by_test_id("push-state")).to_have_attribute("data-state", "off")
        assert desk.alerts.pushed == {}


async def test_the_worker_is_served_from_the_pages_own_address_and_always_asked_for_anew() -> None:
    async with alerted() as desk:
        answer = await desk.served.http.get("/sw.js")
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "no-cache"
        assert "worker-src 'self'" in answer.headers["content-security-policy"]
