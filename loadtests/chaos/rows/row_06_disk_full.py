"""Row 6: the disk that Valkey writes to is full, and later it is not."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import service

_BEFORE, _MEANWHILE, _AT_ONCE = 1_000, 200, 40
_DISK_MB, _LEFT_BYTES = 64, 64 * 1024
_FULL_SECONDS = 8.0


async def run(folder: Path) -> Measured:
    disk = folder / "data" / "valkey"
    try:
        async with _small_disk(disk):
            return await _fill_up(folder, disk)
    except PermissionError as error:
        return Measured(verdict=Verdict.NOT_RUN, says=f"A small disk cannot be mounted here: {error}.")


async def _fill_up(folder: Path, disk: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack:
        await apply_many(stack.url, stack.standins_url, _BEFORE, _AT_ONCE, ledger=ledger)
        filler = disk / "filler"
        await asyncio.to_thread(_write_until_little_is_left, disk, filler)
        others = apply_many(stack.url, stack.standins_url, _MEANWHILE, _AT_ONCE, first=_BEFORE, ledger=ledger)
        async with meanwhile(others) as applying:
            await asyncio.sleep(_FULL_SECONDS / 2)
            last_while_full = _last_acknowledged(ledger)
            is_full = _free_bytes(disk) < _LEFT_BYTES
            await asyncio.sleep(_FULL_SECONDS / 2)
            later = _last_acknowledged(ledger) - last_while_full
            filler.unlink()
            freed = time.monotonic()
            await applying
        first_again = min(_acknowledged_after(ledger, freed), default=freed)
        losses = await check_books(stack, ledger)
    refused = ledger.answers[503, "store_unavailable"]
    return judge(
        ledger,
        losses,
        f"A disk of {_DISK_MB} MB filled up under people who apply: {later:.0f} answers 2xx in the last "
        f"{_FULL_SECONDS / 2:.0f} s of the {_FULL_SECONDS:.0f} that it was full, {refused} times 503 "
        f"store_unavailable; the first 2xx {first_again - freed:.1f} s after there was room again.",
        held=is_full and later == 0 and refused > 0,
        seconds=first_again - freed,
    )


def _last_acknowledged(ledger: Ledger) -> int:
    return len(ledger.admitted) + len(ledger.accepted)


def _acknowledged_after(ledger: Ledger, moment: float) -> list[float]:
    times = [at for case in ledger.cases for at in (case.admitted_at, case.accepted_at) if at]
    return [at for at in times if at > moment]


def _write_until_little_is_left(disk: Path, filler: Path) -> None:
    with filler.open("wb") as file:
        file.write(bytes(max(_free_bytes(disk) - _LEFT_BYTES, 0)))


def _free_bytes(disk: Path) -> int:
    told = os.statvfs(disk)
    return told.f_bavail * told.f_frsize


@asynccontextmanager
async def _small_disk(folder: Path) -> AsyncIterator[None]:
    """Raises PermissionError where this is not allowed."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    size = f"size={_DISK_MB}m"
    done = await asyncio.to_thread(_run, "mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder))
    if done.returncode:
        raise PermissionError(done.stderr.strip().rpartition(":")[2].strip())
    try:
        yield
    finally:
        await asyncio.to_thread(_run, "umount", "--lazy", str(folder))


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - mount and umount.


ROW = Row(
    number=6,
    title="the disk of Valkey is full",
    expected="no 2xx while it is full; nothing acknowledged is lost; goes on by itself when there is room",
    broken_once="",
    run=run,
)
