"""The whole service on this machine for one run, as `make run` starts it, on free ports and with own data."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from redis import Redis, RedisError

from loadtests.surge.processors import children_of, processor_seconds
from loadtests.surge.profiles import Process, Profile
from loadtests.surge.programmes import write_programme

ROOT = Path(__file__).resolve().parents[2]

_READY_SECONDS = 60.0
_STOP_SECONDS = 40.0
_PROBE_EVERY_SECONDS = 0.1

# Below the range that outgoing connections draw from: whoever is killed finds the port free when coming back.
_PORTS = range(20_000, 32_000)

# How the supervisor's children show in the list of processes.
_MARKS = {Process.REDIS: "valkey-server", Process.GATEWAY: "-m gateway ", Process.WORKER: "-m workers.main"}
_LEASH = "supervisor.leash"


class ServiceError(Exception):
    """It did not start, or does not do as told; carries the end of what it said."""


class Service:
    """`environ` is laid over the settings of the run: that is where a mutant gets in."""

    def __init__(self, folder: Path, profile: Profile, environ: Mapping[str, str] | None = None) -> None:
        port, operators_port, standins_port = _free_ports()
        self.gateway = f"http://127.0.0.1:{port}"
        self.standins = f"http://127.0.0.1:{standins_port}"
        self.data_dir, self.log = folder / "data", folder / "service.log"
        programmes = folder / "programmes"
        write_programme(programmes, profile.programme)
        settings = {
            "PORT": port,
            "OPERATORS_PORT": operators_port,
            "STANDINS_PORT": standins_port,
            "DATA_DIR": self.data_dir,
            "PROGRAMMES_DIR": programmes,
            "LIMIT": profile.limit,
            "GATEWAYS": profile.gateways,
            "WORKERS": profile.workers,
        }
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QABYLDAU_")},
            **{f"QABYLDAU_{name}": str(value) for name, value in settings.items()},
            **(environ or {}),
        }
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def redis_url(self) -> str:
        """Where the embedded Valkey is. Raises ServiceError when the service does not run."""
        try:
            return (self.data_dir / "redis.url").read_text()
        except FileNotFoundError:
            raise ServiceError(self._last_words()) from None

    def start(self) -> None:
        """Return when it takes applications. Raises ServiceError."""
        command = [sys.executable, "-m", "supervisor", "--until-exit-of", str(os.getpid())]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this project's own supervisor.
                command,
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=log,
                # Ctrl-C is for whoever started this: the run is wound up first.
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise ServiceError(self._last_words())
            time.sleep(_PROBE_EVERY_SECONDS)
        self.keep_whole_aof()

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def kill(self, what: Process) -> None:
        """SIGKILL; the supervisor starts it again. Raises ServiceError when it is not there to be killed."""
        pid = next((pid for pid, command in self._children() if _MARKS[what] in command), None)
        if pid is None:
            raise ServiceError(f"there is no {what} to kill")
        os.kill(pid, signal.SIGKILL)

    def processor_seconds(self) -> dict[Process, float]:
        """How long its processes have been on a processor, with those that they have started."""
        used = dict.fromkeys(_MARKS, 0.0)
        for pid, command in self._children():
            for what, mark in _MARKS.items():
                if mark in command:
                    used[what] += processor_seconds([pid, *children_of(pid)])
        return used

    def keep_whole_aof(self) -> None:
        """Switch rewriting off, at each start of Redis: every write is to be read back from the first on."""
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                with Redis.from_url(self.redis_url) as redis:
                    redis.config_set("auto-aof-rewrite-percentage", 0)
            except RedisError as error:
                if time.monotonic() > deadline:
                    raise ServiceError("Redis does not come back") from error
                time.sleep(_PROBE_EVERY_SECONDS)
            else:
                return

    def has_leases(self, programme: str) -> bool:
        """Tell whether somebody may still confirm: the lease of a repeat outlives the slot that it shares."""
        try:
            with Redis.from_url(self.redis_url) as redis:
                return bool(redis.exists(f"{{{programme}}}:leases"))
        except RedisError:
            return True

    def set_limit(self, programme: str, limit: int) -> None:
        """As an operator does it. Raises ServiceError."""
        done = subprocess.run(  # noqa: S603 - this project's own command.
            [str(ROOT / "qabyldau"), "limit", "set", programme, str(limit), "--reason", "rehearsal"],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(done.stderr.strip())

    def _children(self) -> Iterator[tuple[int, str]]:
        for entry in Path("/proc").glob("[0-9]*"):
            # Whatever has ended meanwhile is nobody's child.
            with suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if self._process and parent == self._process.pid and _LEASH not in command:
                    yield int(entry.name), command

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=1)
        try:
            connection.request("GET", "/health/ready")
            is_ready = connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        return is_ready and b"worker_started" in self.log.read_bytes()

    def _last_words(self) -> str:
        return (
            self.log.read_text(errors="replace")[-2_000:] if self.log.exists() else "the service does not run"
        )


@contextmanager
def running(service: Service) -> Iterator[Service]:
    service.start()
    try:
        yield service
    finally:
        service.stop()


def _free_ports() -> list[int]:
    """Return three that are free now."""
    ports: list[int] = []
    while len(ports) < 3:  # noqa: PLR2004 - gateway, operators, stand-ins.
        port = random.choice(_PORTS)  # noqa: S311 - chance, not a secret.
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            if port not in ports:
                ports.append(port)
    return ports
