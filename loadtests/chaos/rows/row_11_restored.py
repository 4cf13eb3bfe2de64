"""Row 11: a machine is lost with all its data, and its backup is restored on another, by the runbook."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import Struct

from config.keys import create_keys
from loadtests.chaos.applicants import Case, Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile, until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.runbook import commands, execute
from loadtests.chaos.service import ROOT, Stack, free_ports
from loadtests.chaos.systems_elsewhere import settings_for, systems_elsewhere

# Enough are accepted before the backup is begun; the others apply while it is made, and after it.
_BEFORE, _PEOPLE, _AT_ONCE = 1_050, 4_000, 60

_NEWCOMERS = 20


class _Lost(Struct):
    """`promised`: accepted when the backup began; `rest`: everybody else who has an id."""

    promised: list[Case]
    rest: list[Case]


async def run(folder: Path) -> Measured:
    there, here, backup = folder / "there", folder / "here", folder / "backup"
    (systems_port,) = free_ports(1)
    settings = settings_for(systems_port)
    old, new = Stack(there, settings), Stack(here, settings)
    create_keys(old.data_dir / "keys.toml")
    new.data_dir.mkdir(parents=True)
    shutil.copy(old.data_dir / "keys.toml", new.data_dir)
    for stack in (old, new):
        stack.standins_url = f"http://127.0.0.1:{systems_port}"
    try:
        async with systems_elsewhere(new.data_dir / "keys.toml", new.url, systems_port):
            lost = await _lose_a_machine(old, backup)
            shutil.rmtree(there)
            began = time.monotonic()
            said = await execute(commands("The machine is lost"), {**new.environ, "BACKUP": f"{backup}"})
            await new.start()
            seconds = time.monotonic() - began
            return await _measure(new, lost, seconds, said)
    finally:
        await old.lose()
        await new.stop()


async def _lose_a_machine(old: Stack, backup: Path) -> _Lost:
    await old.start()
    ledger = Ledger()
    async with meanwhile(apply_many(old.url, old.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)) as applying:

        async def are_enough() -> bool:
            return ledger.acknowledged >= _BEFORE

        await until(are_enough, 300)
        promised = list(ledger.accepted)
        await execute(f"./qabyldau backup {backup}", old.environ)
        await asyncio.sleep(1)
        await old.lose()
        applying.cancel()
    known = {case.id for case in promised}
    return _Lost(promised, [case for case in ledger.admitted if case.id not in known])


async def _measure(new: Stack, lost: _Lost, seconds: float, said: str) -> Measured:
    newcomers = await apply_many(new.url, new.standins_url, _NEWCOMERS, 10, first=_PEOPLE)
    gone = await _gone(new, [case for case in lost.rest if case.accepted_at is not None])
    for case in lost.rest:
        # They were told an id, and nothing that must be kept.
        case.accepted_at, case.wrong = None, ""
    ledger = Ledger(cases=[*lost.promised, *newcomers.cases, *lost.rest])
    losses = await check_books(new, ledger)
    books = await _reconcile(new)
    numbers = await _numbers(new)
    return judge(
        ledger,
        losses,
        f"{len(lost.promised)} were accepted when the backup began, under {_AT_ONCE} at once. Of those "
        f"accepted later {gone} were lost with the machine; E-Maket has {len(books['unknown_here'])} cases "
        f"that nobody knows here. It has {len(numbers)} numbers, {len(set(numbers))} of them different; "
        f"unaccounted for: {books['unaccounted']}. "
        f"The time is from the first command of the runbook to the first application taken.",
        held=len(numbers) == len(set(numbers)) and books["unaccounted"] == 0 and bool(said),
        seconds=seconds,
    )


async def _gone(new: Stack, cases: Sequence[Case]) -> int:
    async with aiohttp.ClientSession() as session:
        unknown = 0
        for case in cases:
            async with session.get(f"{new.url}/v1/applications/{case.id}", headers=case.headers) as response:
                seen = await response.json()
                unknown += response.status != 200 or seen["state"] in {"awaiting_phone", "lapsed"}  # noqa: PLR2004
        return unknown


async def _numbers(new: Stack) -> list[str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{new.standins_url}/e-maket/applications") as response,
    ):
        return [one["number"] for one in await response.json()]


async def _reconcile(new: Stack) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.main", "reconcile"),
        cwd=ROOT,
        env={**new.environ, "QABYLDAU_REDIS_URL": new.redis_url},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    books: dict[str, Any] = json.loads(printed)["42500"]
    return books


ROW = Row(
    number=11,
    title="a machine is lost with its data, and its backup restored elsewhere by the runbook",
    expected="all that was accepted when the backup began goes on, once; no number twice",
    broken_once="Without the numbers of E-Maket one journal number was given twice.",
    run=run,
)
