"""The generator: Locust, in processes of its own, for it patches the standard library."""

import asyncio
import contextlib
import os
import resource
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from loadtests.surge.plan import BEGAN, PLAN_VARIABLE, Plan, write_plan
from loadtests.surge.service import ROOT

# It brings a web server along, and a plugin that pytest would load: so it lives apart. `make surge` installs
# it.
_LOCUST = ROOT / "build" / "surge-venv" / "bin" / "locust"
_LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"

_POLL_SECONDS = 0.2
_STOP_SECONDS = 10.0


class GeneratorError(Exception):
    """Locust is not there, or did not end well."""


class Swarming(Struct, frozen=True, kw_only=True):
    """How Locust runs: in so many processes here, or as the master of workers that somebody starts elsewhere.

    With `web_port` its page is served there, and it goes on until somebody stops it.
    """

    processes: int = 1
    expect_workers: int = 0
    master_port: int = 5557
    web_port: int | None = None


class Locust:
    def __init__(self, process: Process, folder: Path) -> None:
        self._process, self._folder = process, folder

    async def begun(self) -> float:
        """Return the epoch second at which the curve begins, once it is known. Raises GeneratorError."""
        while not (self._folder / BEGAN).exists():
            if self._process.returncode is not None:
                raise self._failure()
            await asyncio.sleep(_POLL_SECONDS)
        return float((self._folder / BEGAN).read_text())

    async def end(self) -> None:
        """Wait for it. Raises GeneratorError when it ended badly."""
        if await self._process.wait():
            raise self._failure()

    def interrupt(self) -> None:
        """Tell it to end, with all its people."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    async def stop(self) -> None:
        self.interrupt()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    def _failure(self) -> GeneratorError:
        return GeneratorError(f"Locust ended with {self._process.returncode}: see {self._folder}/locust.log")


@asynccontextmanager
async def started_locust(plan: Plan, swarming: Swarming) -> AsyncIterator[Locust]:
    """Start it; log and statistics go into the folder of the run. Raises GeneratorError."""
    if not _LOCUST.exists():
        raise GeneratorError(f"{_LOCUST.relative_to(ROOT)} is not there: make surge installs it")
    _allow_open_files()
    folder = plan.folder
    write_plan(plan, folder / "plan.json")
    with (folder / "locust.out").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            _LOCUST,
            *_arguments(plan, folder, swarming),
            cwd=ROOT,
            env={**os.environ, PLAN_VARIABLE: str(folder / "plan.json")},
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C is for whoever started this: then the run is wound up, and judged.
            start_new_session=True,
        )
    locust = Locust(process, folder)
    try:
        yield locust
    finally:
        if process.returncode is None:
            await locust.stop()


def _arguments(plan: Plan, folder: Path, swarming: Swarming) -> list[str]:
    given = ["--locustfile", str(_LOCUSTFILE), "--host", plan.gateway]
    given += [
        "--loglevel",
        "WARNING",
        "--logfile",
        str(folder / "locust.log"),
        "--csv",
        str(folder / "locust"),
    ]
    # What people were answered is judged by their book.
    given += ["--exit-code-on-error", "0"]
    if swarming.web_port is None:
        given += ["--headless", "--only-summary"]
    else:
        given += ["--autostart", "--web-host", "127.0.0.1", "--web-port", str(swarming.web_port)]
    if swarming.expect_workers:
        given += ["--master", "--expect-workers", str(swarming.expect_workers)]
        given += ["--master-bind-port", str(swarming.master_port)]
    elif swarming.processes > 1:
        given += ["--processes", str(swarming.processes)]
    return given


def _allow_open_files() -> None:
    """What a shell gets by default would not do for so many connections; children inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
