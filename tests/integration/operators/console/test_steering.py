import time

from tests.integration.operators.console.chromium import Page
from tests.integration.operators.console.stand_in import StandIn
from tests.integration.operators.console.visit import confirm, log_in, propose_limit


async def test_who_was_slower_sees_what_the_faster_one_set_and_may_go_on(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await propose_limit(page, "18000", "too many at once")
    api.apply({"limit": 21_000})
    await confirm(page)

    await page.until_text("#change-error", "Limit, slots: 21,000")
    assert "now: 21,000" in await page.text("#field-limit-hint")
    assert await page.evaluate("document.querySelector('#field-limit').value") == "18000"

    await page.click("#change-next")
    await page.until_text("#change-summary", "21,000 → 18,000")
    await confirm(page)
    await page.until_text("#toast", "Audit line")
    assert api.controls["limit"]["value"] == 18_000


async def test_a_value_out_of_range_is_refused_with_the_range_before_it_is_sent(
    page: Page, api: StandIn
) -> None:
    await log_in(page, api)
    await propose_limit(page, "1000001", "a slip")
    await page.until_text("#field-limit-error", "from 0 to 1,000,000")
    assert await page.has_focus("#field-limit")
    assert api.controls["limit"]["value"] == 25_000


async def test_the_range_of_the_server_is_shown_when_it_is_another(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await propose_limit(page, "30000", "more people")
    api.controls["limit"]["highest"] = 26_000
    await confirm(page)
    await page.until_text("#field-limit-error", "from 0 to 26,000")


async def test_nothing_is_changed_without_a_reason(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await propose_limit(page, "18000", "  ")
    await page.until_text("#change-error", "Give a reason")
    assert await page.has_focus("#change-reason")


async def test_an_unchanged_value_is_not_sent(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await propose_limit(page, "25,000", "none")
    await page.until_text("#change-error", "Nothing is changed yet")


async def test_a_mode_that_turns_people_away_needs_a_message_in_each_language(
    page: Page, api: StandIn
) -> None:
    await log_in(page, api)
    await page.click("[data-change=mode]")
    await page.click("#change-fields [value=hold]")
    await page.fill("#field-message_kk", "Сәл күте тұрыңыз.")
    await page.fill("#field-message_ru", "Подождите немного.")
    await page.fill("#change-reason", "the register is being moved")
    await page.click("#change-next")
    await page.until_text("#field-message_en-error", "all three languages")

    await page.fill("#field-message_en", "Wait a little.")
    await page.click("#change-next")
    await confirm(page)
    await page.until_text("#mode-name", "On hold")
    assert api.controls["message_en"]["value"] == "Wait a little."


async def test_a_mode_that_takes_people_in_asks_for_no_message(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await page.click("[data-change=mode]")
    await page.click("#change-fields [value=line_for_all]")
    assert not await page.is_visible("#field-message_kk")
    await page.fill("#change-reason", "the morning begins")
    await page.click("#change-next")
    await confirm(page)
    await page.until_text("#mode-name", "Line for all")


async def test_a_change_is_rolled_back_from_its_line(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await propose_limit(page, "18000", "a try")
    await confirm(page)
    await page.until_text("#limit", "18,000")
    await page.until_text("#audit-table tbody tr", "a try")

    await page.click("#audit-table tbody tr button")
    await page.until_text("#change-fields", "18,000 → 25,000")
    await page.fill("#change-reason", "it was only a try")
    await page.click("#change-next")
    await confirm(page)
    await page.until_text("#limit", "25,000")
    await page.until_text("#audit-table tbody tr", "roll back")


async def test_a_value_goes_back_to_the_one_of_the_file(page: Page, api: StandIn) -> None:
    api.apply({"claim_window_seconds": 45})
    await log_in(page, api)
    await page.click("#controls summary")
    await page.click("#controls-table .mark")
    await page.click("#controls-table button.link")
    await page.until_text("#change-fields", "45 → the file’s value")
    await page.fill("#change-reason", "the surge is over")
    await page.click("#change-next")
    await confirm(page)
    await page.until("!document.querySelector('#controls-table .mark')")
    assert api.controls["claim_window_seconds"]["value"] == 20


async def test_a_group_of_controls_is_changed_in_one_step_and_the_focus_stays(
    page: Page, api: StandIn
) -> None:
    await log_in(page, api)
    await page.click("#controls summary")
    button = '[aria-label="Change: Address limit"]'
    await page.click(f"#controls-table {button}")
    await page.fill("#field-address_count", "250")
    await page.click("#field-address_shadow")
    await page.fill("#change-reason", "look before we limit")
    await page.click("#change-next")
    await page.until_text("#change-summary", "Address limit: times: 300 → 250")
    await confirm(page)

    await page.until("document.querySelectorAll('#controls-table .mark').length === 2")
    assert api.audit[-1]["details"]["new"] == {"address_count": 250, "address_shadow": True}
    assert await page.has_focus(button)


async def test_a_change_may_wait_for_its_time_and_its_plan_be_taken_back(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    await page.click("[data-change=limit]")
    await page.fill("#field-limit", "20000")
    await page.fill("#change-reason", "the evening")
    await page.click("#change-when summary")
    year = time.gmtime().tm_year + 1
    await page.evaluate(f"document.querySelector('#change-at').value = '{year}-04-08T18:00'")
    await page.fill("#change-for", "30")
    await page.click("#change-next")
    await page.until_text("#change-summary", f"starts 08/04/{year}, 18:00:00")
    await confirm(page)

    await page.until_text("#plans-list", "Limit, slots: 20,000")
    assert api.plans[0]["at"] == f"{year}-04-08T18:00:00+05:00"
    assert api.plans[0]["for_seconds"] == 1_800
    await page.click("#plans-list button")
    await page.until("document.querySelector('#plans').hidden")
    assert api.controls["limit"]["value"] == 25_000


async def test_what_another_console_changed_is_seen_in_this_one(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    api.apply({"limit": 22_000})
    await page.until_text("#limit", "22,000")
    await page.until_text("#controls-table", "22,000")
