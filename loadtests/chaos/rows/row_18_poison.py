"""Row 18: a case at which the worker's process dies, among people who want nothing but to go on."""

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from loadtests.chaos import weakness
from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import ROOT, Stack, service
from loadtests.chaos.systems import people_coming, times_between
from loadtests.people import form

# Before, and then for as long as the poison lives: some two minutes and a half.
_PEOPLE, _AT_ONCE = 400, 15

# Somebody who is not among the others.
_POISON = 900_000

# arq looks at a case whose worker died after half a minute, and five workers may die.
_MOST_SECONDS = 400.0

_PARKED = "SELECT park_reason FROM applications WHERE state = 'parked'"


async def run(folder: Path) -> Measured:
    file, ledger, poison = folder / "weakness.json", Ledger(), Ledger()
    weakness.write(file, kills=form(_POISON)["iin"])
    async with service(folder, {**weakness.environ_with(file), "QABYLDAU_WORKERS": "2"}) as stack:
        await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
        await check_books(stack, ledger)
        calm = await times_between(stack, ledger.accepted, "accepted", "forwarded")
        before = len(ledger.accepted)
        began = time.monotonic()
        async with people_coming(stack, ledger):
            await apply_many(stack.url, stack.standins_url, 1, 1, first=_POISON, ledger=poison)
            await until(lambda: _is_parked(stack), _MOST_SECONDS)
            seconds = time.monotonic() - began
        losses = await check_books(stack, ledger)
        beside = await times_between(stack, ledger.accepted[before:], "accepted", "forwarded")
        reasons = _parked(stack)
        deaths = stack.log.read_text(errors="replace").count("ended (signal 9)")
        weakness.write(file)
        await _replay(stack)
        ledger.cases += poison.cases
        replayed = await check_books(stack, ledger)
    return judge(
        ledger,
        replayed,
        f"{deaths} workers died, then {' '.join(reasons)}, then replayed. Others from accepted "
        f"to forwarded: calm {calm}; beside the poison {beside}.",
        held=reasons == ["dead_letter:workers_died"] and not losses.lost,
        seconds=seconds,
    )


async def _is_parked(stack: Stack) -> bool:
    await asyncio.sleep(0.5)
    return bool(_parked(stack))


def _parked(stack: Stack) -> list[str]:
    with closing(sqlite3.connect(stack.data_dir / "register.db", timeout=10)) as register:
        return [reason for (reason,) in register.execute(_PARKED)]


async def _replay(stack: Stack) -> None:
    """As an operator does it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.main", "replay"),
        cwd=ROOT,
        env=stack.environ,
        stdout=asyncio.subprocess.DEVNULL,
    )
    await process.wait()


ROW = Row(
    number=18,
    title="a case at which the worker's process dies",
    expected="a dead letter after five deaths, replay works; others hardly wait longer",
    broken_once="When replay asked for the bare reason, the dead letter stayed: lost 1.",
    run=run,
)
