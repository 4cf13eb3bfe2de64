"""Every exception of a job becomes another try: arq itself would drop the job after the first."""

import random
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import structlog
from arq.worker import Retry
from sqlalchemy.exc import SQLAlchemyError

from gateway.inflight.store import StoreUnavailable
from workers.steps.metrics import mistakes

log = structlog.get_logger()

# The first pause is shorter than an applicant's patience, the longest shorter than an operator's.
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0

# What a store that is away raises; anything else is a mistake of ours.
_AWAY = (SQLAlchemyError, StoreUnavailable, OSError)

Job = Callable[..., Coroutine[Any, Any, None]]


def pause_seconds(
    tries: int,
    first_seconds: float = _FIRST_PAUSE_SECONDS,
    longest_seconds: float = _LONGEST_PAUSE_SECONDS,
) -> float:
    """Grow exponentially, with jitter, so that a system that comes back is not met by all at once."""
    longest = min(longest_seconds, first_seconds * 2.0 ** min(tries, 16))
    return random.uniform(longest / 2, longest)  # noqa: S311 - Jitter is no secret.


class TryAgain(Exception):
    """A step's wish to be run again, not before `after_seconds` when that is known."""

    def __init__(self, after_seconds: float | None = None) -> None:
        super().__init__("try again")
        self.after_seconds = after_seconds


def retried(job: Job) -> Job:
    """Make a job that can only succeed, be cancelled (arq runs it again), or be retried."""

    @wraps(job)
    async def run(ctx: dict[Any, Any], argument: str) -> None:
        with structlog.contextvars.bound_contextvars(job=job.__name__, application_id=argument):
            try:
                await job(ctx, argument)
            except TryAgain as wish:
                raise Retry(defer=wish.after_seconds or pause_seconds(ctx["job_try"])) from None
            except Exception as error:  # noqa: BLE001 - That none is dropped is the point.
                if not isinstance(error, _AWAY):
                    mistakes().add()
                log.warning("job_failed", error=type(error).__name__, where=where(error))
                raise Retry(defer=pause_seconds(ctx["job_try"])) from None

    return run


def where(error: BaseException) -> str:
    """Say where an exception was raised. Its message might repeat what somebody sent, so it is left out."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "unknown"
