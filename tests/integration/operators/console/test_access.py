"""By keyboard, by ear, on a phone, in three languages."""

import hashlib
import re

import pytest

from tests.integration.operators.console.chromium import Page
from tests.integration.operators.console.stand_in import CONSOLE, StandIn
from tests.integration.operators.console.visit import log_in

LANGUAGES = ("kk", "ru", "en")


async def test_the_limit_is_changed_without_a_mouse(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await page.evaluate("document.querySelector('[data-change=limit]').focus()")
    await page.press("Enter")
    await page.until("document.activeElement.id === 'field-limit'")
    await page.type("24000")
    await page.press("Tab")
    assert await page.has_focus("#change-reason")
    await page.type("by hand")
    for place in ("#change-when summary", "#change-cancel", "#change-next"):
        await page.press("Tab")
        assert await page.has_focus(place), place
    await page.press("Enter")
    await page.until("document.activeElement.id === 'change-review-heading'")
    for place in ("#change-cancel", "#change-back", "#change-next"):
        await page.press("Tab")
        assert await page.has_focus(place), place
    await page.press("Enter")
    await page.until_text("#limit", "24,000")
    assert await page.has_focus("[data-change=limit]")


async def test_a_second_enter_confirms_nothing_unread(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await page.click("[data-change=limit]")
    await page.fill("#change-reason", "in haste")
    await page.fill("#field-limit", "24000")
    await page.click("#field-limit")
    for _ in range(3):
        await page.press("Enter")
    await page.until("!document.querySelector('#change-review').hidden")
    assert api.controls["limit"]["value"] == 25_000


async def test_escape_closes_the_dialog_and_gives_the_focus_back(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await page.click("[data-change=mode]")
    await page.until("document.querySelector('#change').open")
    await page.press("Escape")
    await page.until("!document.querySelector('#change').open")
    assert await page.has_focus("[data-change=mode]")


async def test_the_first_tab_leads_past_the_header_and_the_focus_is_seen(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await page.open(api.url)
    await page.until("document.querySelector('#watch').checkVisibility()")
    await page.press("Tab")
    assert await page.has_focus(".skip")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.press("Enter")
    assert await page.has_focus("main")


async def test_a_screen_reader_finds_landmarks_headings_and_names(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    roles = await page.roles()
    assert {"banner", "main", "heading", "status"} <= {role for role, _ in roles}
    regions = {name for role, name in roles if role == "region"}
    assert regions >= {"Mode", "Slots taken", "State systems", "Controls", "Audit trail"}
    assert [
        pair for pair in roles if pair[0] in {"button", "textbox", "combobox", "image"} and not pair[1]
    ] == []

    await page.click("[data-change=limit]")
    await page.until("document.querySelector('#change').open")
    roles = await page.roles()
    assert ("dialog", "Change: Limit") in roles
    assert ("textbox", "Limit, slots") in roles


async def test_a_screen_reader_is_told_of_states_and_not_of_every_second(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await page.evaluate("""(() => {
        window.said = [];
        const told = document.querySelector('#announcements');
        new MutationObserver(() => said.push(told.textContent)).observe(told, { childList: true });
    })()""")
    seen = await page.text("#live")
    await page.until(f"document.querySelector('#live').innerText !== '{seen}'")
    assert await page.evaluate("said") == []

    api.apply({"mode": "closed"})
    await page.until("said.length")
    assert await page.evaluate("said") == ["Mode: Closed"]
    assert await page.evaluate("document.querySelectorAll('#watch [aria-live]').length") == 0


@pytest.mark.parametrize("language", LANGUAGES)
async def test_nothing_is_wider_than_a_phone(page: Page, api: StandIn, language: str) -> None:
    await page.size(360, 780)
    await log_in(page, api, language=language)
    api.state = {"workers_alive": 0, "live": 1_000_000, "limit": 999_999}
    api.apply({"limit": 999_999, "claim_window_seconds": 30})
    await page.until("document.querySelector('#alarms .down')")
    await page.click("#controls summary")
    await page.until("document.querySelector('#controls-table .mark')")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await page.click("[data-change=mode]")
    await page.until("document.querySelector('#change').open")
    assert await page.evaluate("document.querySelector('#change').scrollWidth") <= 340


async def test_colours_follow_the_scheme_and_motion_the_wish(page: Page, api: StandIn) -> None:
    await page.prefer(prefers_color_scheme="dark", prefers_reduced_motion="reduce")
    await log_in(page, api)
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(12, 19, 25)"
    still = "getComputedStyle(document.querySelector('#bar-confirmed')).transitionDuration"
    assert await page.evaluate(still) == "0s"


@pytest.mark.parametrize(
    ("language", "live", "mode"),
    [("kk", "24 950", "Ашық"), ("ru", "24 950", "Открыто"), ("en", "24,950", "Open")],
)
async def test_numbers_and_words_are_of_the_language(
    page: Page, api: StandIn, language: str, live: str, mode: str
) -> None:
    api.state = {"live": 24_950}
    await log_in(page, api, language=language)
    assert await page.text("#live") == live
    assert await page.text("#mode-name") == mode
    assert await page.evaluate("document.documentElement.lang") == language


async def test_times_of_day_are_those_of_almaty(page: Page, api: StandIn) -> None:
    api.state = {"at": "2026-04-08T04:00:01Z"}
    await log_in(page, api)
    await page.until_text("#clock", "09:00:01")


async def test_every_text_is_there_in_three_languages_with_the_same_figures(page: Page, api: StandIn) -> None:
    await page.open(api.url)
    texts = await page.evaluate("import('/console/texts.js').then(({ TEXTS }) => TEXTS)")
    for key, languages in texts.items():
        assert len(languages) == len(LANGUAGES), key
        assert all(text.strip() for text in languages), key
        assert len({frozenset(re.findall(r"{\w+}", text)) for text in languages}) == 1, key


async def test_every_text_that_is_asked_for_exists(page: Page, api: StandIn) -> None:
    await page.open(api.url)
    texts = await page.evaluate("import('/console/texts.js').then(({ TEXTS }) => TEXTS)")
    sources = "".join(path.read_text() for path in CONSOLE.glob("*.*") if path.name != "texts.js")
    asked = re.findall(r'\bt\(\s*"([\w.]+)"', sources) + re.findall(
        r'data-(?:text|label)="([\w.]+)"', sources
    )
    assert len(asked) > 100
    assert set(asked) - set(texts) == set()


async def test_the_page_asks_nobody_else_for_anything() -> None:
    own = [path for path in CONSOLE.rglob("*") if path.suffix in {".html", ".css", ".js"}]
    found = {path.name: re.findall(r"https?://[^\s)\"'*]+", path.read_text()) for path in own}
    assert {name: urls for name, urls in found.items() if urls} == {
        "uPlot.iife.min.js": ["https://github.com/leeoniya/uPlot"]
    }


def test_what_is_brought_along_is_what_the_readme_says() -> None:
    vendor = CONSOLE / "vendor"
    told = dict(re.findall(r"`(uPlot[\w.]+)` \| `(\w{64})`", (vendor / "README.md").read_text()))
    assert told == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendor.glob("uPlot*")
    }
