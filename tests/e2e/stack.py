"""The whole service as `make run` starts it, on free ports, for one test."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import msgspec

from tests.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
STOP_SECONDS = 30.0


class Stack:
    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.port, self.standins_port, operators_port = free_port(), free_port(), free_port()
        self.gateway = f"http://127.0.0.1:{self.port}"
        self.operators = f"http://127.0.0.1:{operators_port}"
        self.standins = f"http://127.0.0.1:{self.standins_port}"
        self.data_dir = data_dir
        self.log = data_dir / "service.log"
        self.start_seconds = 0.0
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QABYLDAU_")},
            "QABYLDAU_PORT": str(self.port),
            "QABYLDAU_OPERATORS_PORT": str(operators_port),
            "QABYLDAU_STANDINS_PORT": str(self.standins_port),
            "QABYLDAU_DATA_DIR": str(data_dir),
            **{f"QABYLDAU_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "supervisor"], cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > began + READY_SECONDS:
                self._process.kill()
                raise AssertionError(self.log.read_text()[-4000:])
            time.sleep(0.05)
        self.start_seconds = time.monotonic() - began

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        assert self._process.wait(STOP_SECONDS) == 0

    def lose(self) -> None:
        """End all of it as a machine ends that burns down; done before, it does nothing."""
        assert self._process is not None
        if self._process.poll() is None:
            for pid in [self._process.pid, *self.children().values()]:
                # They go with their parent, and may be gone already.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def children(self) -> dict[str, int]:
        """Pids of the supervisor's children by what they are: the roles of `_role`."""
        assert self._process is not None
        found = {}
        for pid, parent, command in _processes():
            if parent == self._process.pid and (role := _role(command)):
                found[role] = pid
        return found

    def kill(self, role: str) -> bool:
        """SIGKILL; False when the role is just being started again."""
        pid = self.children().get(role)
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    def memory_bytes(self) -> tuple[int, int]:
        """Memory of the supervisor and everything under it: what it takes, and what processes have resident.

        A page that several processes share is taken once, and resident in each of them.
        """
        assert self._process is not None
        tree, grown = {self._process.pid}, True
        while grown:
            more = {pid for pid, parent, _ in _processes() if parent in tree} - tree
            grown = bool(more)
            tree |= more
        kilobytes = Counter[str]()
        for pid in tree:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
                name, amount = line.split()[:2]
                kilobytes[name] += int(amount)
        return kilobytes["Pss:"] * 1024, kilobytes["Rss:"] * 1024

    def redis_url(self) -> str:
        """Where the embedded Valkey is: written down before anybody is served."""
        return (self.data_dir / "redis.url").read_text()

    async def reconcile(self) -> tuple[int, dict[str, object]]:
        """Run the command as an operator would; its exit code and what it printed."""
        environ = {
            **self.environ,
            "QABYLDAU_REDIS_URL": self.redis_url(),
            "QABYLDAU_KEYS_FILE": str(self.data_dir / "keys.toml"),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workers.main", "reconcile",
            cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, msgspec.json.decode(printed)["42500"]

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200 and "worker_started" in self.log.read_text()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Stack]:
    with started(Stack(data_dir, **settings)) as stack:
        yield stack


@contextmanager
def started(stack: Stack) -> Iterator[Stack]:
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def _processes() -> list[tuple[int, int, list[str]]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            found.append((int(entry.name), parent, _command(int(entry.name))))
        except (OSError, IndexError):
            continue  # It has ended meanwhile.
    return found


def _command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")


def _role(command: list[str]) -> str | None:
    words = " ".join(command)
    if "supervisor.leash" in words:
        return None
    roles = {
        "valkey-server": "valkey",
        "-m loadtests.standins": "standins",
        "-m gateway.operators.serve": "operators",
        "-m gateway": "gateway",
        "-m workers.main": "worker",
    }
    return next((role for mark, role in roles.items() if mark in words), None)
