"""The whole service for one row, as `make run` starts it: own ports, own data, own processes."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from redis.asyncio import Redis

ROOT = Path(__file__).resolve().parents[2]

# A loaded machine takes its time; whoever needs longer than this does not come.
READY_SECONDS = 60.0
# The supervisor gives each stage ten seconds, and there are three.
_STOP_SECONDS = 40.0
_POLL_SECONDS = 0.05

# Below the range that outgoing connections draw from: whoever is killed finds the port free when coming back.
_PORTS = range(20_000, 32_000)

# How the supervisor's children show in the list of processes.
_MARKS = {
    "valkey": "valkey-server ",
    "standins": "-m loadtests.standins",
    "operators": "-m gateway.operators.serve",
    "gateway": "-m gateway ",
    "worker": "-m workers.main",
}


class ServiceError(Exception):
    """It did not start or stop, or somebody is not there; carries the end of what it said."""


class Stack:
    """`environ` is what every process of it gets; commands such as `workers.main reconcile` want it too."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        port, operators_port, standins_port = free_ports(3)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.operators_url = f"http://127.0.0.1:{operators_port}"
        self.standins_url = f"http://127.0.0.1:{standins_port}"
        self.data_dir, self.log = folder / "data", folder / "service.log"
        own = {
            "PORT": port,
            "OPERATORS_PORT": operators_port,
            "STANDINS_PORT": standins_port,
            "DATA_DIR": self.data_dir,
        }
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QABYLDAU_")},
            **{f"QABYLDAU_{name}": str(value) for name, value in own.items()},
            **env,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def redis_url(self) -> str:
        """Where it keeps what is in flight. Raises ServiceError when the service does not run."""
        if given := self.environ.get("QABYLDAU_REDIS_URL"):
            return given
        try:
            return (self.data_dir / "redis.url").read_text()
        except FileNotFoundError:
            raise ServiceError(self._last_words()) from None

    async def start(self) -> None:
        """Return when it takes applications. Raises ServiceError."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            begins_at = log.tell()
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own supervisor; forking is quick.
                [sys.executable, "-m", "supervisor", "--until-exit-of", str(os.getpid())],
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=log,
                # Ctrl-C is for whoever started this: the row is wound up first.
                start_new_session=True,
            )
        await self._until(lambda: self.is_ready() and self._said(b"worker_started", begins_at))

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for whoever does not heed it. A second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Its children are on a leash and go with it.
            process.kill()
            await asyncio.to_thread(process.wait)

    async def restart(self) -> None:
        """Stop and start all of it. The stand-ins forget everything: their books are in memory."""
        await self.stop()
        await self.start()

    def pids(self, what: str) -> list[int]:
        """Processes of `what`: valkey, standins, operators, gateway or worker.

        The supervisor's own children come first, then theirs: a gateway serves in a child of its own.
        """
        if self._process is None:
            return []
        processes = list(_processes())
        parents = [
            pid
            for pid, parent, command in processes
            if parent == self._process.pid and _MARKS[what] in command and "supervisor.leash" not in command
        ]
        return [*parents, *(pid for pid, parent, _ in processes if parent in parents)]

    def kill(self, what: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal all of the supervisor's children of that kind; return how many processes were hit.

        The supervisor starts again whoever dies, and takes what is left of its group along.
        """
        hit = 0
        for pid in self.pids(what):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                hit += 1
        return hit

    async def until_back(self, what: str, not_these: list[int]) -> None:
        """Wait until `what` has other processes than before, and the service is ready."""
        await self._until(lambda: bool(set(self.pids(what)) - set(not_these)) and self.is_ready())

    def is_ready(self) -> bool:
        """Ask /health/ready, which runs the real admission; the answer may be a second old."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    @property
    def aof(self) -> Path:
        """What the embedded Valkey wrote; see `keep_whole_aof`."""
        return self.data_dir / "valkey" / "appendonlydir"

    async def keep_whole_aof(self) -> None:
        """Switch rewriting off until Valkey restarts: every write is to be read back from the first on."""
        async with self.redis() as redis:
            await redis.config_set("auto-aof-rewrite-percentage", 0)

    async def set_limit(self, limit: int, programme: str = "42500") -> None:
        """As an operator does it. Raises ServiceError."""
        process = await asyncio.create_subprocess_exec(
            *(str(ROOT / "qabyldau"), "limit", "set", programme, str(limit), "--reason", "fault table"),
            cwd=ROOT,
            env=self.environ,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        if process.returncode:
            raise ServiceError(said.decode().strip())

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        """A connection of the row's own, past the gateway."""
        redis = Redis.from_url(self.redis_url, decode_responses=True)
        try:
            yield redis
        finally:
            await redis.aclose()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not await asyncio.to_thread(is_so):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise ServiceError(self._last_words())
            await asyncio.sleep(_POLL_SECONDS)

    def _said(self, words: bytes, begins_at: int) -> bool:
        return words in self.log.read_bytes()[begins_at:]

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:] if self.log.exists() else "it does not run"


@asynccontextmanager
async def service(folder: Path, env: Mapping[str, str] | None = None) -> AsyncIterator[Stack]:
    """`env`: QABYLDAU_* variables laid over those of the row's ports and data. Raises ServiceError."""
    stack = Stack(folder, env or {})
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


def free_ports(how_many: int) -> list[int]:
    """Return different ports that are free now."""
    ports: list[int] = []
    while len(ports) < how_many:
        port = random.choice(_PORTS)  # noqa: S311 - chance, not a secret.
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            if port not in ports:
                ports.append(port)
    return ports


def _processes() -> Iterator[tuple[int, int, str]]:
    for entry in Path("/proc").glob("[0-9]*"):
        # Whatever has ended meanwhile is nobody's child.
        with suppress(OSError, IndexError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield int(entry.name), parent, command
