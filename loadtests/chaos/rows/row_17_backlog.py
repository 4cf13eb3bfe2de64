"""Row 17: nothing is processed for 25 hours, then for eight days, while gateways go on serving.

All that Redis holds is made that much older, and what would have expired is taken away.
"""

import os
import signal
from pathlib import Path

from redis.asyncio import Redis

from loadtests.chaos.ageing import age
from loadtests.chaos.applicants import PROGRAMME, Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service
from loadtests.chaos.under_way import QUEUE, set_fault

_PEOPLE, _AT_ONCE = 1_200, 60
_HOUR_MS = 3_600_000
_A_DAY_AND_AN_HOUR_MS = 25 * _HOUR_MS

# A job's contents live for seven days.
_EIGHT_DAYS_MS = 8 * 24 * _HOUR_MS


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack:
        # Messages go out, cases do not get on.
        await set_fault(stack, "labour-market", hang=True)
        await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
        worker = stack.pids("worker")[0]
        os.kill(worker, signal.SIGSTOP)
        async with stack.redis() as redis:
            before = await _backlog(redis)
            await age(redis, PROGRAMME, _A_DAY_AND_AN_HOUR_MS)
            after_a_day = await _backlog(redis)
            await age(redis, PROGRAMME, _EIGHT_DAYS_MS - _A_DAY_AND_AN_HOUR_MS)
            after_a_week = await _backlog(redis)
        await set_fault(stack, "labour-market")
        await _replace(stack, worker)
        losses = await check_books(stack, ledger)
        async with stack.redis() as redis:
            left = await _backlog(redis)
    return judge(
        ledger,
        losses,
        f"In process (jobs with contents): {before[0]} ({before[1]}) at first, {after_a_day[0]} "
        f"({after_a_day[1]}) 25 hours later, {after_a_week[0]} ({after_a_week[1]}) after eight days, when "
        f"jobs have expired and the sweep queues them again; {left[0]} at the end.",
        held=before == after_a_day == (_PEOPLE, _PEOPLE) and after_a_week == (_PEOPLE, 0) and left == (0, 0),
    )


async def _backlog(redis: Redis) -> tuple[int, int]:
    """Cases in process, and jobs in their queue that still have contents."""
    jobs = await redis.zrange(QUEUE, 0, -1)
    contents = await redis.exists(*(f"arq:job:{job}" for job in jobs)) if jobs else 0
    return await redis.zcard(f"{{{PROGRAMME}}}:active"), contents


async def _replace(stack: Stack, worker: int) -> None:
    os.kill(worker, signal.SIGKILL)

    async def is_there() -> bool:
        return bool(set(stack.pids("worker")) - {worker})

    await until(is_there)


ROW = Row(
    number=17,
    title="a backlog of 25 hours, and then of eight days, while gateways serve",
    expected="no record, slot, job or case expires unprocessed; expired jobs are queued again",
    broken_once="Without the sweep all 220 cases were still in process at the end, and lost.",
    run=run,
)
