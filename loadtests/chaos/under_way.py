"""The cases that workers have in their hands, seen from outside."""

import json
from collections.abc import Iterable

import aiohttp
from redis.asyncio import Redis

from loadtests.chaos.service import Stack

_PROGRAMME = "42500"
_RUNNING = f"arq:in-progress:{{{_PROGRAMME}}}-"
QUEUE = f"{{{_PROGRAMME}}}:cases"


async def running_cases(redis: Redis) -> dict[str, str]:
    """Return the fencing token of each case that a worker is at, by id; jobs for messages are no cases."""
    jobs = [key.removeprefix(_RUNNING) async for key in redis.scan_iter(match=f"{_RUNNING}*", count=1_000)]
    return await tokens_of(redis, [f"{_PROGRAMME}-{job}" for job in jobs if ":" not in job])


async def tokens_of(redis: Redis, ids: Iterable[str]) -> dict[str, str]:
    """Return the tokens of those that are still in process."""
    pipeline = redis.pipeline(transaction=False)
    every = list(ids)
    for one in every:
        pipeline.hget(f"{{{_PROGRAMME}}}:case:{one}", "fence")
        pipeline.zscore(f"{{{_PROGRAMME}}}:active", one)
    found = await pipeline.execute() if every else []
    return {
        one: fence
        for one, fence, active in zip(every, found[::2], found[1::2], strict=True)
        if fence and active is not None
    }


async def set_fault(stack: Stack, system: str, **knobs: float | bool) -> None:
    """End all faults of the stand-ins; with knobs, let one system have these."""
    async with aiohttp.ClientSession() as session:
        await (await session.delete(f"{stack.standins_url}/faults")).read()
        if knobs:
            await (await session.put(f"{stack.standins_url}/faults/{system}", json=knobs)).read()


def count_events(stack: Stack, event: str) -> int:
    """How often the service has written a line of this kind into its log."""
    mark = f'"event": {json.dumps(event)}'
    tight = f'"event":{json.dumps(event)}'
    text = stack.log.read_text(errors="replace")
    return text.count(mark) + text.count(tight)
