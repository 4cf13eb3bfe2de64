"""Row 5: the end of the append-only file is torn off, as by a power cut; then bytes change in the middle."""

import asyncio
import random
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import Redis

from loadtests.bench.redis_applications import rules
from loadtests.chaos.admitting import CODE, accept_all, beat, let_in, newcomers
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import ROOT
from loadtests.chaos.valkey import Valkey, ValkeyEnded, valkey

_PEOPLE, _SLOTS = 1_100, 25_000
_FLIPS = 5
# One call takes in 32, and the writes of arq beside it may be cut with it.
_MOST_CUT = 64

Cases = dict[str, dict[bytes, bytes]]


class Mended(NamedTuple):
    """After one changed byte: did the server refuse, and what was not as before once it was cut out."""

    refused: bool
    changed: int
    unnamed: int


async def run(folder: Path) -> Measured:
    async with valkey(folder / "first") as server:
        before = await _fill(server)
        await _replicate(server, folder / "copy")
        await server.kill()
        _tear(server.aof)
        await server.start()
        lost_by_tear = _changed(before, await _cases(server, before))
        await server.kill()
        flips = [await _flip(server, before, folder / f"flip{n}", n) for n in range(_FLIPS)]
    async with valkey(folder / "copy") as replica:
        lost_by_replica = _changed(before, await _cases(replica, before))
    refused, worst = sum(one.refused for one in flips), max(one.changed for one in flips)
    unnamed = sum(one.unnamed for one in flips)
    held = refused == _FLIPS and not lost_by_tear | lost_by_replica and not unnamed and worst <= _MOST_CUT
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"Torn: starts, {len(lost_by_tear)} lost. A byte changed, in {_FLIPS} places one by one: "
        f"refused to start {refused} times. From the replica's file: {len(lost_by_replica)} lost. Without a "
        f"replica, `supervisor.mend` cut out what was damaged: at most {worst} cases were not as before (a "
        f"call takes in 32), {unnamed} of them not named by it.",
        acknowledged=len(before),
        lost=len(lost_by_tear | lost_by_replica),
        doubled=0,
    )


async def _fill(server: Valkey) -> Cases:
    people = newcomers(0, _PEOPLE)
    await beat(server.store, _SLOTS, 0)
    half = _PEOPLE // 2
    for first in (0, half):
        # In two halves, so that the middle of the file has all kinds of steps around it.
        await let_in(server.store, rules(), people[first : first + half])
        await accept_all(server.store, enumerate(people[first : first + half], first))
    return await _cases(server, [one.id for one in people])


async def _cases(server: Valkey, ids: "Cases | list[str]") -> Cases:
    redis: Redis = server.store.redis
    pipeline = redis.pipeline(transaction=False)
    for one in ids:
        pipeline.hgetall(f"{{{CODE}}}:case:{one}")
    return dict(zip(ids, await pipeline.execute(), strict=True))


async def _replicate(server: Valkey, folder: Path) -> None:
    """Let a replica copy everything, and end it."""
    async with valkey(folder, replicaof=f"127.0.0.1 {server.port}") as replica:

        async def follows() -> bool:
            info = await replica.store.redis.info("replication")
            return bool(info.get("master_link_status") == "up")

        await until(follows)
        await server.store.redis.wait(1, 10_000)


def _tear(aof: Path) -> None:
    """Leave half of the last function's writes behind, as a machine that stopped in the middle of it."""
    file = _file(aof)
    data = file.read_bytes()
    last = data[data.rfind(b"*1\r\n$5\r\nMULTI\r\n") :]
    file.write_bytes(data + last[: len(last) // 2])


async def _flip(server: Valkey, before: Cases, folder: Path, n: int) -> Mended:
    """Change one byte in a copy, try to start, mend, start, compare."""
    shutil.copytree(server.folder, folder)
    file = _file(folder / "appendonlydir")
    data = bytearray(file.read_bytes())
    middle = random.Random(n).randrange(len(data) // 4, len(data) * 3 // 4)  # noqa: S311 - any place will do.
    # A mark of the server: within a value it would start, and AES-GCM would see it when the value is opened.
    at = data.find(b"\r\n$", middle) + 2
    data[at] ^= 1
    file.write_bytes(data)
    refused = False
    try:
        async with valkey(folder):
            pass
    except ValkeyEnded:
        refused = True
    said = await _mend(folder / "appendonlydir")
    async with valkey(folder) as mended:
        changed = _changed(before, await _cases(mended, before))
    return Mended(refused, len(changed), sum(one not in said for one in changed))


async def _mend(aof: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "supervisor.mend", str(aof)), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return said.decode()


def _file(aof: Path) -> Path:
    (file,) = aof.glob("*.incr.aof")
    return file


def _changed(before: Cases, after: Cases) -> set[str]:
    return {one for one, fields in before.items() if after[one] != fields}


ROW = Row(
    number=5,
    title="append-only file: end torn off; a byte changed in the middle",
    expected="torn: starts, nothing lost; changed: refuses to start, and the runbook brings it back",
    broken_once="With a mend that cuts off all that follows, as the server's own tool does, 889 of 1 100 "
    "cases were not as before.",
    run=run,
)
