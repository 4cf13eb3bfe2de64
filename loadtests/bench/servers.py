"""The servers that are measured: each a process of its own, on its core, ended with its block."""

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from string import Template

import msgspec

from loadtests.bench.pinned import ROOT, pinned
from loadtests.bench.plan import BenchPlan, NotRun
from loadtests.bench.redis_server import RedisServer, redis_server
from loadtests.bench.requests import HOST

# Below the range that outgoing connections draw from.
_PORTS = range(20_000, 32_000)

_READY_SECONDS = 30.0
_POLL_SECONDS = 0.05
# The gateway gives itself eight.
_STOP_SECONDS = 10.0

PEERS_PYTHON = ROOT / "build" / "bench-venv" / "bin" / "python"

# The options of our own server, so that it is the same on both sides of a ratio.
_GRANIAN = {
    "interface": "asgi",
    "loop": "uvloop",
    "http": "1",
    "workers": "1",
    "log-level": "warning",
    "backlog": "4096",
    "backpressure": "8192",
    "http1-buffer-size": "65536",
    "http1-header-read-timeout": "5000",
}
_NGINX = Path(__file__).parent / "peers" / "nginx.conf.template"
_UVICORN = {
    "loop": "uvloop",
    "http": "httptools",
    "log-level": "warning",
    "backlog": "4096",
    "forwarded-allow-ips": HOST,
}


class ServerFailed(Exception):
    """A server did not start; the text is the end of what it said."""


def store(plan: BenchPlan) -> AbstractAsyncContextManager[RedisServer]:
    """Serve a durable Redis on the core of the client, for the other is kept for the server measured."""
    return redis_server(msgspec.structs.replace(plan, server_core=plan.client_core))


@asynccontextmanager
async def gateway(
    plan: BenchPlan,
    redis_url: str,
    *,
    cores: Collection[int] = (),
    module: str = "gateway",
    **settings: object,
) -> AsyncIterator[int]:
    """Serve our gateway, by default in one process and with few words; returns its port."""
    port = _free_port()
    folder = plan.work_dir / f"gateway-{port}"
    own = {
        "port": port,
        "operators_port": _free_port(),
        "data_dir": folder,
        "redis_url": redis_url,
        "gateways": 1,
        "log_level": "warning",
        # The load comes from loopback, and each request names the client it stands for.
        "trusted_proxies": "127.0.0.0/8,::1",
        **settings,
    }
    environ = {f"QABYLDAU_{name.upper()}": f"{value}" for name, value in own.items()}
    command = pinned(cores or [plan.server_core], [sys.executable, "-m", module])
    async with _serving(command, environ, folder.with_suffix(".log"), (port, "/health/ready")):
        yield port


@asynccontextmanager
async def peer(
    plan: BenchPlan, name: str, answer_bytes: int, *, redis_url: str = "", slots: int = 0
) -> AsyncIterator[int]:
    """Serve an application of `peers/`; returns its port. Raises NotRun where the peers are not installed."""
    if not PEERS_PYTHON.exists():
        raise NotRun("the peers are not installed: make bench puts them into build/bench-venv")
    port = _free_port()
    server, options = ("uvicorn", _UVICORN) if name == "fastapi_counter" else ("granian", _GRANIAN)
    own = {**options, "host": HOST, "port": str(port)}
    words = [word for option, value in own.items() for word in (f"--{option}", value)]
    program = [str(PEERS_PYTHON), "-m", server, "--factory", "--no-access-log", *words]
    environ = {
        "PEER_ANSWER_BYTES": f"{answer_bytes}",
        "PEER_REDIS_URL": redis_url,
        "PEER_SLOTS": f"{slots}",
    }
    command = pinned(plan.server_core, [*program, f"loadtests.bench.peers.{name}:create_app"])
    async with _serving(command, environ, plan.work_dir / f"{name}-{port}.log", (port, "/")):
        yield port


@asynccontextmanager
async def nginx(plan: BenchPlan, answer_bytes: int) -> AsyncIterator[int]:
    """Serve 503 for everything; returns the port. Raises NotRun where nginx is not installed."""
    program = shutil.which("nginx")
    if program is None:
        raise NotRun("nginx is not installed")
    port = _free_port()
    settings = _write_nginx_settings(plan.work_dir, port, answer_bytes)
    command = pinned(plan.server_core, [program, "-c", str(settings), "-p", str(plan.work_dir)])
    async with _serving(command, {}, plan.work_dir / f"nginx-{port}.log", (port, "/")):
        yield port


def _write_nginx_settings(folder: Path, port: int, answer_bytes: int) -> Path:
    template = Template(_NGINX.read_text())
    settings = folder / "nginx.conf"
    settings.write_text(template.substitute(folder=folder, port=port, body="x" * answer_bytes))
    return settings


@asynccontextmanager
async def _serving(
    command: list[str], environ: Mapping[str, str], log: Path, probe: tuple[int, str]
) -> AsyncIterator[None]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QABYLDAU_")}
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own command line, and forking is quick.
            command,
            cwd=ROOT,
            env={**inherited, "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        await _until_ready(process, log, probe)
        yield
    finally:
        _stop(process)


async def _until_ready(process: subprocess.Popen[bytes], log: Path, probe: tuple[int, str]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not _answers(*probe):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerFailed(_end_of(log))
        await asyncio.sleep(_POLL_SECONDS)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-1_000:].strip()


def _answers(port: int, path: str) -> bool:
    """Tell whether a server takes requests: anything but a failure will do, for some peers know no GET."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            status = connection.recv(12)
    except OSError:
        return False
    return status.startswith(b"HTTP/1.1 ") and not status.endswith((b"500", b"502", b"503", b"504"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # Its own group: the processes of a server that hangs go with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - a port, not a secret.
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            return port
