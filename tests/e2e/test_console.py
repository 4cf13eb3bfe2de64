"""The console against the whole service: what is done in it reaches the people at the door, and is told."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.applicants import Applicant, Crowd, open_session
from tests.e2e.operators import PROGRAMME_URL, facts, new_token, operator_of
from tests.e2e.stack import Stack, running
from tests.integration.operators.console.chromium import Page
from tests.integration.operators.console.visit import confirm, propose_limit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

LIMIT, LOWER, LEASES = 60, 30, 40

MESSAGES = {
    "kk": "Жүйе жаңартылып жатыр, кезегіңіз сақталады.",
    "ru": "Система обновляется, ваша очередь сохранится.",
    "en": "The system is being updated; you keep your place.",
}

# What is wanted is one second, on an idle machine; this one may be busy.
SEEN_SECONDS = 5.0


@asynccontextmanager
async def a_morning(crowd: Crowd) -> AsyncIterator[None]:
    """People apply one after the other, and go all the way."""
    numbers = itertools.count(1_000)

    async def come() -> None:
        for n in numbers:
            await crowd.apply(Applicant(n))

    async with asyncio.TaskGroup() as group:
        coming = [group.create_task(come()) for _ in range(4)]
        yield
        for task in coming:
            task.cancel()


async def send_form(session: aiohttp.ClientSession, stack: Stack, n: int) -> Any:
    """Only the form: the slot is kept for three minutes."""
    one = Applicant(n)
    url, headers = f"{stack.gateway}{PROGRAMME_URL}/applications", {"X-Forwarded-For": one.address}
    async with session.post(url, json=one.form, headers=headers) as reply:
        return await reply.json()


async def poll(session: aiohttp.ClientSession, stack: Stack, ticket: str, language: str) -> Any:
    headers = {"Waiting-Ticket": ticket, "Accept-Language": language, "Connection": "close"}
    async with session.get(f"{stack.gateway}/v1/waiting-room", headers=headers) as reply:
        return await reply.json()


async def until_facts(session: aiohttp.ClientSession, stack: Stack, **wanted: object) -> None:
    """Both processes are asked, several times each."""
    began_at, right = time.monotonic(), 0
    while right < 10:
        found = await facts(session, stack)
        right = right + 1 if all(found[name] == value for name, value in wanted.items()) else 0
        assert time.monotonic() < began_at + SEEN_SECONDS, found


async def log_in(page: Page, stack: Stack, token: str) -> None:
    await page.open(stack.operators)
    await page.click("#languages [lang=en]")
    await page.click("#token")
    await page.type(token)
    await page.press("Enter")
    await page.until_text("#account-name", "aigerim · operator")


async def log_out(page: Page) -> None:
    await page.click("#log-out")
    await page.until("document.querySelector('#log-in').checkVisibility()")


async def watch_the_figures(page: Page) -> None:
    """They move while people come, and say that all is up."""
    seen = await page.text("#tile-accepted")
    await page.until(f"document.querySelector('#tile-accepted').innerText !== '{seen}'")
    await page.until_text("#systems", "up")
    await page.until("document.querySelector('#sms-share').innerText.includes('%')")
    assert await page.text("#alive-gateways") == "2"
    assert await page.text("#alive-workers") == "1"


async def lower_the_limit(page: Page) -> None:
    await page.until_text("#live", "4")
    await propose_limit(page, str(LOWER), "E-Maket is slow")
    await page.until_text("#change-effect", "Nobody is evicted")
    await page.until_text("#change-summary", f"{LIMIT} → {LOWER}")
    await confirm(page)
    await page.until_text("#toast", "Audit line no.")
    await page.until_text("#limit", f"of {LOWER}")
    await page.until_text("#alarms", "More slots taken than the limit")


async def roll_back(page: Page) -> None:
    await page.until_text("#audit-table tbody tr", "E-Maket is slow")
    assert f"{LIMIT} → {LOWER}" in await page.text("#audit-table tbody tr")
    assert "aigerim operator" in await page.text("#audit-table tbody tr")
    await page.click("#audit-table tbody tr button")
    await page.until_text("#change-fields", f"{LOWER} → {LIMIT}")
    await page.fill("#change-reason", "E-Maket is well again")
    await page.click("#change-next")
    await confirm(page)
    await page.until_text("#limit", f"of {LIMIT}")


async def hold(page: Page) -> None:
    await page.click("[data-change=mode]")
    await page.click("#change-fields [value=hold]")
    for language, message in MESSAGES.items():
        await page.fill(f"#field-message_{language}", message)
    await page.fill("#change-reason", "a new version goes out")
    await page.until_text("#change-effect", "Nobody new is called")
    await page.click("#change-next")
    await confirm(page)
    await page.until_text("#mode-name", "On hold")


async def test_what_an_operator_does_in_the_console_reaches_the_people_at_the_door(
    page: Page, tmp_path: Path
) -> None:
    with running(tmp_path / "data", limit=str(LIMIT), gateways="2") as stack:
        async with open_session() as session, operator_of(stack) as operator:
            for n in range(LEASES):
                assert (await send_form(session, stack, n))["state"] == "awaiting_phone"
            await log_in(page, stack, new_token(stack, "aigerim"))
            async with a_morning(Crowd(session, stack.gateway, stack.standins)):
                await watch_the_figures(page)

            await lower_the_limit(page)
            await until_facts(session, stack, limit=LOWER)
            refused = await send_form(session, stack, 500)
            assert refused["code"] == "full"

            await roll_back(page)
            await until_facts(session, stack, limit=LIMIT)

            await hold(page)
            await until_facts(session, stack, mode="hold")
            ticket = (await send_form(session, stack, 501))["ticket"]
            for language, message in MESSAGES.items():
                told = await poll(session, stack, ticket, language)
                assert (told["state"], told["mode"], told["message"]) == ("waiting", "hold", message)

            await log_out(page)
            lines = (await operator.get("/v1/audit?limit=50"))["lines"]
            # The page's streams end before the service does.
            await page.open("about:blank")

    done = [line for line in reversed(lines) if (line["actor"], line["outcome"]) == ("aigerim", "done")]
    assert [(line["action"], line["reason"]) for line in done] == [
        ("log_in", None),
        ("change", "E-Maket is slow"),
        ("rollback", "E-Maket is well again"),
        ("change", "a new version goes out"),
        ("log_out", None),
    ]
