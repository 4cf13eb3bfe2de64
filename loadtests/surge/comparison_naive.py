"""The naive stack, started for one run: uvicorn with FastAPI, stock arq, a durable Valkey, our stand-ins."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from aiohttp import web

from config.keys import create_keys
from loadtests.bench.pinned import pinned
from loadtests.bench.plan import BenchPlan, NotRun, usable_cores
from loadtests.bench.redis_server import redis_server
from loadtests.bench.servers import PEERS_PYTHON
from loadtests.surge.profiles import Process
from loadtests.surge.service import ROOT

# What our own service answers to a form; the peer draws its answer out to as much.
_ANSWER_BYTES = 200

_READY_SECONDS = 30.0
_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0

_PEER = "loadtests.bench.peers.fastapi_counter:create_app"
_WORKER = "loadtests.surge.comparison_worker.WorkerSettings"


class NaiveStack:
    """Its gateway and worker can be killed; whatever is killed is started again at once."""

    def __init__(self, folder: Path, redis_url: str, slots: int) -> None:
        self.redis_url = redis_url
        self.port, self._standins_port, self._sink_port = (_free_port() for _ in range(3))
        self.standins = f"http://127.0.0.1:{self._standins_port}"
        self._folder, self._slots = folder, slots
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    async def start(self) -> None:
        self._start_standins()
        self._start(Process.GATEWAY)
        self._start(Process.WORKER)
        for port in (self.port, self._standins_port):
            await _until_open(port)

    def kill_and_restart(self, what: Process) -> None:
        process = self._processes[what]
        process.kill()
        process.wait()
        self._start(what)

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            process.kill()

    @asynccontextmanager
    async def deaf_ear(self) -> AsyncIterator[None]:
        """Take E-Maket's decisions, of which the naive stack wants to know nothing."""

        async def take(_: web.Request) -> web.Response:
            return web.Response(status=204)

        app = web.Application()
        app.router.add_post("/v1/decisions", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._sink_port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    def _start(self, what: Process) -> None:
        environ = {
            "PEER_REDIS_URL": self.redis_url,
            "PEER_SLOTS": f"{self._slots}",
            "PEER_ANSWER_BYTES": f"{_ANSWER_BYTES}",
            "PEER_STANDINS": self.standins,
        }
        words = ["arq", _WORKER] if what is Process.WORKER else ["uvicorn", *_uvicorn(self.port), _PEER]
        self._run(what, [str(PEERS_PYTHON), "-m", *words], environ)

    def _start_standins(self) -> None:
        keys = self._folder / "keys.toml"
        create_keys(keys)
        environ = {
            "QABYLDAU_DATA_DIR": str(self._folder),
            "QABYLDAU_KEYS_FILE": str(keys),
            "QABYLDAU_STANDINS_PORT": f"{self._standins_port}",
        }
        ear = f"http://127.0.0.1:{self._sink_port}"
        self._run("standins", [sys.executable, "-m", "loadtests.standins", "--gateway-url", ear], environ)

    def _run(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        with self._log(name) as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - our own command line.
                pinned(usable_cores(), command),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _log(self, name: str) -> IO[bytes]:
        return (self._folder / f"{name}.log").open("ab")


@asynccontextmanager
async def naive_stack(folder: Path, slots: int) -> AsyncIterator[NaiveStack]:
    """Serve until the block is left. Raises NotRun where the peers of the benchmark are not installed."""
    if not PEERS_PYTHON.exists():
        raise NotRun("the peers are not installed: make build/.bench puts them into build/bench-venv")
    await asyncio.to_thread(folder.mkdir, parents=True)
    cores = usable_cores()
    plan = BenchPlan(work_dir=folder, server_core=cores[0], client_core=cores[-1])
    async with redis_server(plan) as redis:
        stack = NaiveStack(folder, redis.url, slots)
        try:
            async with stack.deaf_ear():
                await stack.start()
                yield stack
        finally:
            stack.stop()


def _uvicorn(port: int) -> list[str]:
    return [
        *(
            "--factory",
            "--no-access-log",
            "--log-level",
            "warning",
            "--loop",
            "uvloop",
            "--http",
            "httptools",
        ),
        *(
            "--backlog",
            "4096",
            "--forwarded-allow-ips",
            "127.0.0.1",
            "--host",
            "127.0.0.1",
            "--port",
            f"{port}",
        ),
    ]


async def _until_open(port: int) -> None:
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(_POLL_SECONDS)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
