"""The arq queues of a programme, each kept running: arq's worker leaves when Redis does, ours comes back."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
from arq import cron, func
from arq.connections import ArqRedis
from arq.constants import abort_jobs_ss
from arq.cron import CronJob
from arq.worker import Function, Worker
from redis.asyncio.client import Pipeline

from gateway.inflight import jobs
from gateway.inflight.pools import Pool
from workers.recovery import erase, recover, restore_missing
from workers.steps.process_case import process_case
from workers.steps.retrying import retried, where
from workers.steps.send_code import send_code
from workers.steps.send_notice import send_notice
from workers.steps.send_receipt_code import send_receipt_code
from workers.tools import Tools

log = structlog.get_logger()

# A job that was cut off is seen again after this and ten seconds; our own deadline inside is shorter.
JOB_TIMEOUT_SECONDS = 20

# Jobs at once in one process: they wait for state systems, not for the processor.
MOST_JOBS = 32

# arq picks up what it finds at each poll, so this bounds how long a case waits in an empty queue.
POLL_SECONDS = 0.05
UPKEEP_POLL_SECONDS = 0.5

# Every worker reads the same first ids, running ones among them: a fleet needs more than it runs at once.
QUEUE_READ_LIMIT = 1_000

# We count tries in the case record; arq's own count would drop a job.
NEVER_TOO_MANY_TRIES = 1_000_000

# On SIGTERM running jobs get this long, enough for what is answered at all; what is left is cancelled, and
# arq runs it again at once. Half of what the supervisor waits: closing took three seconds on a busy machine.
GRACE_SECONDS = 5

SWEEP_EVERY_SECONDS = 5
# Once a minute, between two sweeps.
RESTORE_AT_SECOND = 32
ERASE_AT_HOUR = 3

_LONGEST_PAUSE_SECONDS = 2.0
_ALMATY = ZoneInfo("Asia/Almaty")


class Queue:
    """One arq worker on one queue, started anew whenever it falls."""

    def __init__(self, build: Callable[[], Worker]) -> None:
        self._build = build
        self._worker: Worker | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        pause_seconds = 0.1
        while not self._stopping.is_set():
            started = asyncio.get_running_loop().time()
            self._worker = self._build()
            try:
                await self._worker.async_run()
            except asyncio.CancelledError:
                if not self._stopping.is_set():
                    raise
            except Exception as error:  # noqa: BLE001 - Whatever ends arq's worker, it must start again.
                log.warning("queue_restarts", error=type(error).__name__, where=where(error))
            finally:
                await _close(self._worker)
            if asyncio.get_running_loop().time() - started > _LONGEST_PAUSE_SECONDS:
                pause_seconds = 0.1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_seconds)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def stop(self) -> None:
        """Take no more jobs, and leave when the running ones are done or their grace is over."""
        self._stopping.set()
        if self._worker is not None:
            self._worker.handle_sig_wait_for_completion(signal.SIGTERM)


async def _close(worker: Worker) -> None:
    # Closing cancels jobs and talks to a Redis that may be the reason for closing.
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await worker.close()


class _Pipeline(Pipeline):
    def zrem(self, name: Any, *values: Any) -> Any:
        """Leave alone the list of jobs to abort: none ever is, and in a cluster it is on another shard."""
        return self if name == abort_jobs_ss else super().zrem(name, *values)


class _Redis(ArqRedis):
    """Opened by us: with arq's own settings no answer has a deadline, and a hanging Redis hangs a queue."""

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002 - As redis-py has it.
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class _Worker(Worker):
    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Pass over what runs here already: arq would ask Redis about each of them at every poll."""
        await super().start_jobs([job_id for job_id in job_ids if job_id.decode() not in self.tasks])

    async def _poll_iteration(self) -> None:
        """Leave when told to, though the one cancellation that arq sends was lost in a call to Redis."""
        if self.main_task and self.main_task.cancelling():
            raise asyncio.CancelledError
        await super()._poll_iteration()


def queues_of(tools: Tools, open_own: Callable[[], Pool]) -> list[Queue]:
    """One queue for cases; messages never wait behind them, nor behind lost receipts; one for upkeep.

    `open_own`: opens connections to the programme's Redis, for a worker that closes them when it ends.
    """
    code = tools.programme.code
    case_jobs = [_job(process_case, jobs.PROCESS_CASE)]
    sms_jobs = [
        _job(send_code, jobs.SEND_CODE),
        _job(send_notice, jobs.SEND_NOTICE),
    ]

    receipt_jobs = [_job(send_receipt_code, jobs.SEND_RECEIPT_CODE)]

    def build(queue: str, functions: list[Function], crons: list[CronJob], poll_seconds: float) -> Queue:
        return Queue(
            lambda: _worker(tools, open_own(), jobs.queue_key(code, queue), functions, crons, poll_seconds)
        )

    return [
        build(jobs.CASES_QUEUE, case_jobs, [], POLL_SECONDS),
        build(jobs.SMS_QUEUE, sms_jobs, [], POLL_SECONDS),
        build(jobs.RECEIPTS_QUEUE, receipt_jobs, [], UPKEEP_POLL_SECONDS),
        build("upkeep", [], _crons(code), UPKEEP_POLL_SECONDS),
    ]


def _job(step: Callable[..., Any], name: str) -> Function:
    return func(
        retried(step),
        name=name,
        keep_result=0,
        timeout=JOB_TIMEOUT_SECONDS,
        keep_result_forever=False,
        max_tries=NEVER_TOO_MANY_TRIES,
    )


def _crons(code: str) -> list[CronJob]:
    async def sweep(ctx: dict[str, Any]) -> None:
        await _quietly(recover, ctx["tools"])

    async def restore(ctx: dict[str, Any]) -> None:
        await _quietly(restore_missing, ctx["tools"])

    async def erase_old(ctx: dict[str, Any]) -> None:
        await _quietly(erase, ctx["tools"])

    seconds = set(range(0, 60, SWEEP_EVERY_SECONDS))
    return [
        cron(sweep, name=f"{{{code}}}:sweep", second=seconds, timeout=JOB_TIMEOUT_SECONDS),
        cron(restore, name=f"{{{code}}}:restore", second=RESTORE_AT_SECOND, timeout=JOB_TIMEOUT_SECONDS),
        cron(erase_old, name=f"{{{code}}}:erase", hour=ERASE_AT_HOUR, minute=0, timeout=JOB_TIMEOUT_SECONDS),
    ]


async def _quietly(upkeep: Callable[[Tools], Any], tools: Tools) -> None:
    """Upkeep comes again by itself, so a failure is said and not repeated at once."""
    try:
        await upkeep(tools)
    except Exception as error:  # noqa: BLE001 - The next run is a few seconds away.
        log.warning("upkeep_failed", error=type(error).__name__, where=where(error))


def _redis(pool: Pool, queue_name: str) -> _Redis:
    return _Redis(
        pool,
        job_serializer=msgspec.msgpack.encode,
        job_deserializer=msgspec.msgpack.decode,
        default_queue_name=queue_name,
        expires_extra_ms=jobs.JOB_TTL_MS,
    )


def _worker(
    tools: Tools,
    pool: Pool,
    queue_name: str,
    functions: list[Function],
    crons: list[CronJob],
    poll_seconds: float,
) -> Worker:
    """Every default of arq is set on purpose: several of them lose jobs."""
    return _Worker(
        functions=functions,
        queue_name=queue_name,
        cron_jobs=crons,
        redis_pool=_redis(pool, queue_name),
        burst=False,
        handle_signals=False,
        job_completion_wait=GRACE_SECONDS,
        max_jobs=MOST_JOBS,
        job_timeout=JOB_TIMEOUT_SECONDS,
        keep_result=0,
        keep_result_forever=False,
        poll_delay=poll_seconds,
        queue_read_limit=QUEUE_READ_LIMIT,
        max_tries=NEVER_TOO_MANY_TRIES,
        health_check_interval=5,
        health_check_key=f"{queue_name}:health-check",
        ctx={"tools": tools},
        retry_jobs=True,
        allow_abort_jobs=False,
        job_serializer=msgspec.msgpack.encode,
        job_deserializer=msgspec.msgpack.decode,
        expires_extra_ms=jobs.JOB_TTL_MS,
        timezone=_ALMATY,  # type: ignore[arg-type]  # Narrower than needed: it only goes to datetime.now.
        log_results=False,
    )
