"""Something else that goes on while a row does what it does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")

_ASK_EVERY_SECONDS = 0.05


@asynccontextmanager
async def meanwhile(deed: Coroutine[Any, Any, Outcome]) -> AsyncIterator[asyncio.Task[Outcome]]:
    """Run it beside the block, which may await it; what is not done when the block is left is given up."""
    task = asyncio.create_task(deed)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> float:
    """Ask again and again, and return after how long it was so. Raises TimeoutError."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await is_so():  # noqa: ASYNC110 - Another process tells nobody.
            await asyncio.sleep(_ASK_EVERY_SECONDS)
    return time.monotonic() - began
