"""Asking the register under a deadline; what it raises when it is away becomes one refusal."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.http.refusals import Unavailable
from gateway.register.migrate import migrate

# Reading takes a millisecond and writing waits for other writers for some more; who waits longer comes again.
DEADLINE_SECONDS = 3.0

# A register that is away at the start is asked again this often; taking applications in does not need it.
_PAUSE_SECONDS = 2.0

T = TypeVar("T")

# Calls that nobody waits for any more; a task without a reference may vanish before it has cleaned up.
_given_up: set[asyncio.Task[Any]] = set()

_log = structlog.get_logger()


async def ask_register(call: Coroutine[Any, Any, T]) -> T:
    """Raise Unavailable when the register is away or late; whether the call took effect is unknown."""
    task = asyncio.create_task(call)
    # Not `asyncio.timeout`: a driver's thread may sit in the database for longer, and it would be waited for.
    await asyncio.wait([task], timeout=DEADLINE_SECONDS)
    if not task.done():
        task.cancel()
        _given_up.add(task)
        task.add_done_callback(_forget)
        raise Unavailable
    try:
        return task.result()
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable from error


async def prepare_register(dsn: str) -> None:
    """Bring the tables up to date, and keep trying while the database is away."""
    while True:
        try:
            await migrate(dsn)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("register_away", exc_info=error)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


def _forget(task: asyncio.Task[Any]) -> None:
    _given_up.discard(task)
    if not task.cancelled():
        # Reading it keeps asyncio from reporting an error that nobody collected.
        task.exception()
