"""What every visit to the console begins with."""

from tests.integration.operators.console.chromium import Page
from tests.integration.operators.console.stand_in import StandIn

OPERATOR, VIEWER = "token-of-aigerim", "token-of-daulet"


async def log_in(page: Page, api: StandIn, token: str = OPERATOR, language: str = "en") -> None:
    """Log in with the keyboard, and wait until the first event and the controls have come."""
    await page.open(api.url)
    await page.click(f"#languages [lang={language}]")
    await page.click("#token")
    await page.type(token)
    await page.press("Enter")
    await page.until_text("#live", "24")
    await page.until("document.querySelectorAll('#controls-table tbody').length")
    await page.until("document.querySelectorAll('#audit-table tbody tr').length")


async def propose_limit(page: Page, limit: str, reason: str) -> None:
    """Come as far as the step of checking."""
    await page.click("[data-change=limit]")
    await page.until("document.querySelector('#change').open")
    await page.fill("#field-limit", limit)
    await page.click("#change-reason")
    await page.type(reason)
    await page.click("#change-next")


async def confirm(page: Page) -> None:
    await page.until("!document.querySelector('#change-review').hidden")
    await page.click("#change-next")
