"""The gateway and the operators' process, as the supervisor starts them, for one test."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[3]


@contextmanager
def running(module: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def children(process: subprocess.Popen[bytes]) -> list[int]:
    tasks = Path(f"/proc/{process.pid}/task")
    found = {int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()}
    return [pid for pid in sorted(found) if is_alive(pid)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(is_so: Callable[[], object]) -> None:
    """The test's own time limit ends a wait in vain."""
    while not is_so():
        time.sleep(0.02)


async def get_once_up(url: str) -> str:
    """Ask until somebody answers, with 200."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as reply:
                    assert reply.status == 200
                    return await reply.text()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)
