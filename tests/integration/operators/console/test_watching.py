from tests.conftest import free_port
from tests.integration.operators.console.chromium import Page
from tests.integration.operators.console.stand_in import StandIn, serving
from tests.integration.operators.console.visit import log_in

SLOTS = ("live", "limit", "unconfirmed", "confirmed", "reserved", "high", "accepted")
LINE = ("waiting", "front_row_waiting", "eta_seconds", "eta_p90_seconds")
UNKNOWN = dict.fromkeys((*SLOTS, *LINE, "gateways_alive", "workers_alive"))


async def test_an_unknown_figure_is_a_dash_and_never_a_nought(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    api.state = UNKNOWN | {"queues": {}, "systems": {}, "sms": None, "store_up": False}
    await page.until_text("#alarms", "Redis does not answer")

    shown = ["live", "tile-waiting", "tile-wait", "tile-queue", "tile-accepted", "sms-sent", "alive-workers"]
    for place in shown:
        assert await page.text(f"#{place}") == "–", place
    assert await page.text("#limit") == "of –"


async def test_what_is_broken_is_named_the_worst_first(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    assert await page.text("#alarms") == "All is well"
    slow = {"state": "slow", "calls_per_second": 12.0, "errors_percent": 3.0, "p95_ms": 4_000}
    api.state = {"workers_alive": 0, "systems": {"labour_market": slow, "e_maket": slow | {"state": "down"}}}

    await page.until_text("#alarms", "No worker is alive")
    lines = (await page.text("#alarms")).splitlines()
    assert lines == ["No worker is alive", "E-Maket: down", "Labour Market: slow"]


async def test_a_limit_below_what_is_taken_stands_inside_the_bar(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    api.state = {"live": 24_000, "reserved": 0, "limit": 12_000}
    await page.until_text("#alarms", "More slots taken than the limit")
    assert await page.evaluate("document.querySelector('#bar-limit').style.left") == "50%"


async def test_a_reason_the_console_does_not_know_is_shown_as_it_is(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    sample = api.now()["sample"] | {"refusals": {"quite_new": 5_000.0}}
    api.state = {"sample": sample}
    await page.until_text("#chart-refusals", "quite_new")


async def test_figures_that_stop_are_called_stale_until_they_come_again(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    assert not await page.is_visible("#stale")

    api.is_silent = True
    await page.until_text("#stale-text", "the last ones came 6")
    assert await page.is_visible("#stale")
    api.is_silent = False
    await page.until("!document.querySelector('#stale').checkVisibility()")


async def test_a_server_that_comes_back_is_followed_again(page: Page) -> None:
    port = free_port()
    async with serving(port) as api:
        await log_in(page, api)
    await page.until("document.querySelector('#stale').checkVisibility()")

    async with serving(port) as api:
        api.state = {"live": 7}
        await page.until("document.querySelector('#live').innerText === '7'")
        assert not await page.is_visible("#log-in")
        await page.until("!document.querySelector('#stale').checkVisibility()")


async def test_every_chart_is_also_a_sentence_and_a_table(page: Page, api: StandIn) -> None:
    await log_in(page, api)
    names = [name for role, name in await page.roles() if role == "image" and "Range over 15 minutes" in name]
    assert [name.split(".")[0] for name in names] == [
        "Slots and limit",
        "Flow, per second",
        "Refusals by reason, per second",
        "Wait: promised and real",
        "People waiting",
    ]
    await page.click("#chart-flow summary")
    await page.until("document.querySelectorAll('#chart-flow tbody tr').length >= 15")
