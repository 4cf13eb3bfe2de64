"""`python -m loadtests.surge.comparison`: the announcement in front of us, and of what most would write.

The same people at the same moments, the same limit, the same stand-ins behind; the gateway and the worker are
killed once on each side. Writes `build/surge/comparison.html`; asserts nothing.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import aiohttp
import msgspec
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.constants import default_queue_name, job_key_prefix, result_key_prefix
from arq.jobs import deserialize_job, deserialize_result

from loadtests.bench.plan import NotRun
from loadtests.surge import casting
from loadtests.surge.capacity import NoCapacity
from loadtests.surge.comparison_crowd import let_come
from loadtests.surge.comparison_naive import NaiveStack, naive_stack
from loadtests.surge.comparison_page import comparison_page
from loadtests.surge.comparison_sides import Points, Side, handed, missing, see
from loadtests.surge.generator import GeneratorError, Swarming
from loadtests.surge.ledger import Step, read_ledger
from loadtests.surge.plan import Plan, read_plan
from loadtests.surge.profiles import Kill, Mix, Process, Profile, load_profiles
from loadtests.surge.rehearsal import Options, rehearse
from loadtests.surge.run import Run
from loadtests.surge.service import ROOT, ServiceError
from loadtests.surge.watch import read_samples

# While most are inside, and after the peak.
FAULTS = (Kill(at_seconds=8, what=Process.GATEWAY), Kill(at_seconds=12, what=Process.WORKER))

# The name that the naive stack counts its slots under.
_COUNTER = "in_process"

_SEED = 42_500
_EVERY_SECONDS = 1.0
_MICROSECONDS = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.surge.comparison", description=__doc__)
    parser.add_argument(
        "--capacity", type=float, metavar="N", help="people per second; default: measured first"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "surge", help="where it is kept")
    arguments = parser.parse_args()
    folder = arguments.out.absolute() / f"comparison-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        page = _compare(folder, arguments.capacity)
    except (GeneratorError, NoCapacity, NotRun, ServiceError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    (arguments.out / "comparison.html").write_text(page)
    say(f"{arguments.out / 'comparison.html'}")
    return 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _compare(folder: Path, capacity: float | None) -> str:
    options = Options(out=folder, swarming=Swarming(), seed=_SEED, first_person=0, people_per_second=capacity)
    [judged] = rehearse([_profile()], options, say)
    run = judged.run
    plan = read_plan(run.folder / "plan.json")
    theirs = asyncio.run(_naive(plan, folder / "naive"))
    sides = [_ours(run), theirs]
    (folder / "comparison.json").write_bytes(msgspec.json.format(msgspec.json.encode(sides)))
    return comparison_page(run, plan.per_second, *sides)


def _profile() -> Profile:
    """Leave out of the mix what the naive stack knows nothing of: phones never given, check digits."""
    announcement = load_profiles()["announcement"]
    mix: Mix = msgspec.structs.replace(
        announcement.mix, bad_data=0.0, stubborn=0.0, vanishing=0.0, checking=0.0
    )
    return msgspec.structs.replace(announcement, mix=mix, faults=FAULTS)


def _ours(run: Run) -> Side:
    entries = list(read_ledger(run.ledger))
    seen = see(entries, run.began_at_us, Step.CONFIRM)
    whose = {entry.id: entry.person for entry in entries if entry.is_admission}
    told = {entry.id for entry in entries if entry.is_acceptance}
    listed = msgspec.json.decode((run.folder / "e-maket.json").read_bytes())
    has = [taken["application_id"] for taken in listed for _ in range(taken["effects"])]
    samples = [sample for sample in read_samples(run.samples) if sample.in_process is not None]
    taken: Points = [
        ((sample.at_us - run.began_at_us) / _MICROSECONDS, sample.in_process or 0) for sample in samples
    ]
    registered = _registered(run)
    undone = {id_ for id_ in told - set(has) if registered.get(id_) != "refused"}
    not_yet = len(undone & registered.keys())
    return Side(
        name="Qabyldau",
        seen=seen,
        lost=len(undone) - not_yet,
        not_yet=not_yet,
        handed=handed([whose.get(id_, id_) for id_ in has]),
        taken=[(second, count) for second, count in taken if second >= 0],
        left_taken=int(taken[-1][1]),
    )


def _registered(run: Run) -> dict[str, str]:
    """Return the state of each case in the journal: people may have left before they heard of a refusal."""
    path = (run.target.data_dir or run.folder) / "register.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as register:
        return dict(register.execute("SELECT application_id, state FROM applications"))


async def _naive(plan: Plan, folder: Path) -> Side:
    async with naive_stack(folder, plan.profile.limit) as stack:
        plan = msgspec.structs.replace(
            plan, folder=folder, gateway=f"http://127.0.0.1:{stack.port}", standins=stack.standins
        )
        redis = await create_pool(RedisSettings.from_dsn(stack.redis_url))
        try:
            return await _drive_naive(plan, stack, redis)
        finally:
            await redis.aclose()


async def _drive_naive(plan: Plan, stack: NaiveStack, redis: ArqRedis) -> Side:
    say("the same people come to the naive stack …")
    visits = await asyncio.to_thread(plan.visits)
    began_at = time.time() + 1
    ends_at = began_at + plan.profile.duration_seconds + plan.profile.drain_seconds
    taken: Points = []
    watching = asyncio.create_task(_watch(redis, began_at, taken))
    breaking = asyncio.create_task(_break(stack, began_at))
    await let_come(plan, visits, began_at)
    await breaking
    while await redis.zcard(default_queue_name) and time.time() < ends_at:  # noqa: ASYNC110 - Redis sets no event.
        await asyncio.sleep(_EVERY_SECONDS)
    watching.cancel()
    return await _judge_naive(plan, redis, visits, began_at, taken)


async def _watch(redis: ArqRedis, began_at: float, taken: Points) -> None:
    """A job is in arq's queue until it is done: so many applications really are in process."""
    while True:
        taken.append((max(time.time() - began_at, 0.0), await redis.zcard(default_queue_name)))
        await asyncio.sleep(_EVERY_SECONDS)


async def _break(stack: NaiveStack, began_at: float) -> None:
    for fault in FAULTS:
        await asyncio.sleep(max(began_at + fault.at_seconds - time.time(), 0))
        await asyncio.to_thread(stack.kill_and_restart, fault.what)


async def _judge_naive(
    plan: Plan, redis: ArqRedis, visits: Sequence[casting.Visit], began_at: float, taken: Points
) -> Side:
    entries = list(read_ledger(plan.ledger))
    seen = see(entries, int(began_at * _MICROSECONDS), Step.SUBMIT)
    person_of = {casting.form(visit)["iin"]: visit.person for visit in visits}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{plan.standins}/e-maket/applications") as got,
    ):
        listed = await got.json()
    has = [person_of[one["application_id"][:12]] for one in listed for _ in range(one["effects"])]
    refused = [person_of[form["iin"]] async for form in _refused(redis)]
    queued = [person_of[form["iin"]] async for form in _queued(redis)]
    told = [entry.person for entry in entries if entry.is_admission]
    undone = missing(told, [*has, *refused])
    lost = missing(told, [*has, *refused, *queued])
    return Side(
        name="naive stack",
        seen=seen,
        lost=lost,
        not_yet=undone - lost,
        handed=handed(has),
        taken=taken,
        left_taken=int(await redis.get(_COUNTER) or 0) - len(queued),
    )


async def _refused(redis: ArqRedis) -> AsyncIterator[dict[str, str]]:
    """Yield the forms of jobs that ended with a no; one by one: arq's own call opens as many connections."""
    async for key in redis.scan_iter(match=f"{result_key_prefix}*", count=1_000):
        done = deserialize_result(await redis.get(key))
        if done.result == "refused":
            yield done.args[0]


async def _queued(redis: ArqRedis) -> AsyncIterator[dict[str, str]]:
    for job_id in await redis.zrange(default_queue_name, 0, -1):
        content = await redis.get(job_key_prefix + job_id.decode())
        if content:
            yield deserialize_job(content).args[0]


if __name__ == "__main__":
    sys.exit(main())
