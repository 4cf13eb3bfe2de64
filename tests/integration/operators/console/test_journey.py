from tests.integration.operators.console.chromium import Page
from tests.integration.operators.console.stand_in import StandIn
from tests.integration.operators.console.visit import OPERATOR, VIEWER, confirm, log_in, propose_limit


async def test_an_operator_logs_in_watches_changes_the_limit_sees_the_line_and_logs_out(
    page: Page, api: StandIn
) -> None:
    await log_in(page, api)
    seen = await page.text("#live")
    await page.until(f"document.querySelector('#live').innerText !== '{seen}'")

    await propose_limit(page, "18 000", "Labour Market is slow")
    await page.until_text("#change-effect", "Nobody is evicted")
    await page.until_text("#change-summary", "25,000 → 18,000")
    await confirm(page)

    await page.until_text("#toast", "Audit line no.")
    await page.until_text("#limit", "of 18,000")
    await page.until_text("#audit-table tbody tr", "Labour Market is slow")
    line = await page.text("#audit-table tbody tr")
    assert "aigerim operator" in line
    assert "25,000 → 18,000" in line
    assert api.controls["limit"]["value"] == 18_000

    await page.click("#log-out")
    await page.until("document.querySelector('#log-in').checkVisibility()")
    assert not await page.is_visible("#watch")
    await page.open(api.url)
    await page.until("document.querySelector('#log-in').checkVisibility()")


async def test_a_wrong_token_is_told_and_the_right_one_comes_in(page: Page, api: StandIn) -> None:
    await page.open(api.url)
    await page.click("#languages [lang=en]")
    await page.click("#token")
    await page.type("a guess")
    await page.press("Enter")
    await page.until_text("#log-in-error", "not valid")

    await page.fill("#token", OPERATOR)
    await page.press("Enter")
    await page.until("document.querySelector('#watch').checkVisibility()")


async def test_a_reload_keeps_session_and_language(page: Page, api: StandIn) -> None:
    await log_in(page, api, language="ru")
    await page.open(api.url)
    await page.until_text("#account-name", "aigerim · оператор")
    assert await page.evaluate("document.documentElement.lang") == "ru"


async def test_a_viewer_sees_the_values_and_no_button_that_changes_them(page: Page, api: StandIn) -> None:
    await log_in(page, api, VIEWER)
    await page.click("#controls summary")

    assert "25,000" in await page.text("#controls-table")
    visible = (
        "[...document.querySelectorAll('button')].filter(b => b.checkVisibility()).map(b => b.id || b.lang)"
    )
    assert await page.evaluate(visible) == ["kk", "ru", "en", "log-out", "audit-older", "audit-newest"]


async def test_a_session_that_ends_leads_back_to_the_log_in(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await page.click("[data-change=limit]")
    api.ended.add(OPERATOR)

    await page.until_text("#log-in-error", "Your session has ended")
    assert not await page.evaluate("document.querySelector('#change').open")
    assert await page.has_focus("#token")


async def test_the_audit_trail_is_read_page_by_page_to_its_beginning(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    for rows in (20, len(api.audit)):
        await page.click("#audit-older")
        await page.until(f"document.querySelectorAll('#audit-table tbody tr').length === {rows}")
    assert await page.is_visible("#audit-end")
    assert not await page.is_visible("#audit-older")
