"""A gateway without workers and stand-ins, on a core of its own: for rows about the door alone."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from msgspec import Struct

from loadtests.bench.generator import lay_on
from loadtests.bench.http_measure import People
from loadtests.bench.loads import ClosedLoop, OpenLoop, Result
from loadtests.bench.pinned import ROOT, pinned
from loadtests.bench.plan import usable_cores
from loadtests.chaos.service import READY_SECONDS, ServiceError, free_ports
from loadtests.chaos.valkey import Valkey, valkey
from loadtests.surge.processors import children_of

_STOP_SECONDS = 12.0
_POLL_SECONDS = 0.05

# More than a run lets in.
MANY_SLOTS = 1_000_000

# Server and store on one core, the load on the other, so that the load is what it says.
SERVER_CORE, CLIENT_CORE = usable_cores()[0], usable_cores()[-1]

# Who waits longer for an answer has turned away; what comes then is good for nobody.
PATIENCE_SECONDS = 2.0

# At most this many answers a second in a closed loop, for as many forms are made ready.
_MOST_PER_SECOND = 6_000


class Gateway(Struct, frozen=True):
    port: int
    pid: int
    store: Valkey
    people: People

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pids(self) -> list[int]:
        """The server and the process in which it serves."""
        return [self.pid, *children_of(self.pid)]

    def resident_mb(self) -> float:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    async def capacity(self, seconds: float = 4.0) -> float:
        """Admissions a second while 64 people are at the door at any time."""
        people = self.people.take(int((seconds + 1) * _MOST_PER_SECOND))
        result = await lay_on(ClosedLoop(self.port, people, seconds), CLIENT_CORE)
        return result.per_second("202")

    async def press(self, per_second: float, seconds: float) -> Result:
        """Send newcomers at moments planned ahead, whether or not they are answered."""
        people = self.people.take(int(1.2 * per_second * seconds) + 100)
        load = OpenLoop(self.port, people, seconds, per_second, patience_seconds=PATIENCE_SECONDS)
        return await lay_on(load, CLIENT_CORE)


@asynccontextmanager
async def gateway(folder: Path, env: Mapping[str, str] | None = None) -> AsyncIterator[Gateway]:
    """`env` is laid over what the gateway gets."""
    async with (
        valkey(folder / "valkey", SERVER_CORE) as store,
        _serving(folder, store, env or {}) as one,
    ):
        yield one


@asynccontextmanager
async def _serving(folder: Path, store: Valkey, env: Mapping[str, str]) -> AsyncIterator[Gateway]:
    port, operators_port = free_ports(2)
    own = {
        "PORT": port,
        "OPERATORS_PORT": operators_port,
        "DATA_DIR": folder / "data",
        "REDIS_URL": store.url,
        "LIMIT": MANY_SLOTS,
        "LOG_LEVEL": "warning",
        # Each request names the client that it stands for.
        "TRUSTED_PROXIES": "127.0.0.0/8,::1",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QABYLDAU_")}
    environ = {**inherited, **{f"QABYLDAU_{name}": f"{value}" for name, value in own.items()}, **env}
    log = folder / "gateway.log"
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own command line, and forking is quick.
            pinned(SERVER_CORE, [sys.executable, "-m", "gateway"]),
            cwd=ROOT,
            env=environ,
            stdout=said,
            stderr=said,
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not await asyncio.to_thread(_is_ready, port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServiceError(log.read_text(errors="replace")[-1_000:])
            await asyncio.sleep(_POLL_SECONDS)
        yield Gateway(port, process.pid, store, People())
    finally:
        await asyncio.to_thread(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    children = children_of(process.pid)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in [process.pid, *children]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
