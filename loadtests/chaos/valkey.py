"""A Valkey of a row's own, with the options of the embedded one: killed, and started on the same data."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from gateway.inflight.store import Store, open_redis
from loadtests.bench.pinned import ROOT, pinned
from loadtests.bench.plan import usable_cores
from loadtests.bench.redis_server import find_binary
from loadtests.chaos.service import free_ports

_READY_SECONDS = 30.0
_POLL_SECONDS = 0.02
_STOP_SECONDS = 10.0

# A row waits for what it measures; it is no gateway whose callers have a deadline.
_TIMEOUT_MS = 30_000


class ValkeyEnded(Exception):
    """It did not start, or stay; carries the end of its log."""


class Valkey:
    """`folder` holds its `appendonlydir` and `valkey.log`; `options` are laid over those of the embedded."""

    def __init__(self, folder: Path, core: int | None, options: Mapping[str, str]) -> None:
        self.folder = folder
        self._cores = usable_cores() if core is None else [core]
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.aof, self.log = folder / "appendonlydir", folder / "valkey.log"
        self.store = Store(open_redis(self.url, _TIMEOUT_MS))
        self._options = {
            "bind": "127.0.0.1",
            "port": f"{self.port}",
            "dir": f"{folder}",
            "logfile": f"{self.log}",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "auto-aof-rewrite-percentage": "0",
            "maxmemory-policy": "noeviction",
            **options,
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Return when it has read its file and takes commands. Raises ValkeyEnded."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [word for name, value in self._options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own server; forking is quick.
            pinned(self._cores, [find_binary(), *words]), cwd=ROOT
        )
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                await self.kill()
                raise ValkeyEnded(self.log.read_text(errors="replace")[-600:])
            await asyncio.sleep(_POLL_SECONDS)

    async def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            await self.kill()

    async def close(self) -> None:
        await self.store.redis.aclose()
        await self.stop()

    def _answers(self) -> bool:
        try:
            with Redis(port=self.port, socket_timeout=1) as redis:
                return bool(redis.ping())
        except (RedisError, OSError):
            return False


@asynccontextmanager
async def valkey(folder: Path, *, core: int | None = None, **options: str) -> AsyncIterator[Valkey]:
    """Serve until the block is left; on any core unless told which. Raises ValkeyEnded."""
    server = Valkey(folder, core, options)
    try:
        await server.start()
        yield server
    finally:
        await server.close()
