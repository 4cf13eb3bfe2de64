"""A supervisor under test, and everything that it started."""

import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.conftest import free_port

ROOT = Path(__file__).parents[3]
_DUMMY_SERVICE = Path(__file__).with_name("dummy_service.py")

# The settings of whoever runs the tests, and the flags of the make that may run them.
_NOT_INHERITED = ("QABYLDAU_", "MAKE")

# Long enough for a busy machine; nothing is asserted about speed.
PATIENCE_SECONDS = 30.0


class Service:
    """A process whose descendants are found, however they are related.

    They carry a mark in their environment; Valkey, which writes its title over that, works in the data
    directory.
    """

    def __init__(
        self, argv: list[str], data_dir: Path | None = None, environment: dict[str, str] | None = None
    ) -> None:
        self._data_dir = data_dir
        self._mark = f"SERVICE_UNDER_TEST={uuid.uuid4()}"
        name, _, value = self._mark.partition("=")
        inherited = {key: text for key, text in os.environ.items() if not key.startswith(_NOT_INHERITED)}
        self._output = b""
        self.process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**inherited, "PYTHONPATH": str(ROOT), **(environment or {}), name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Its own group, as a terminal gives it, so that a Ctrl-C can be sent to the group.
            start_new_session=True,
        )

    def pids(self) -> set[int]:
        """Every living process of this service."""
        return {int(entry.name) for entry in Path("/proc").glob("[0-9]*") if self._is_marked(entry)}

    def _is_marked(self, entry: Path) -> bool:
        try:
            if self._data_dir and (entry / "cwd").readlink().is_relative_to(self._data_dir):
                return True
            return self._mark.encode() in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            return False

    @property
    def seen(self) -> str:
        return self._output.decode(errors="replace")

    def read_until(self, text: str) -> str:
        """All output so far, once the text is in it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.seen:
            chunk = self._read(deadline)
            assert chunk, f"{text!r} was never said, but: {self.seen}"
            self._output += chunk
        return self.seen

    def read_rest(self) -> str:
        """All output, once nobody can write any more."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while chunk := self._read(deadline):
            self._output += chunk
        return self.seen

    def _read(self, deadline: float) -> bytes:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
        return os.read(self.process.stdout.fileno(), 65_536) if ready else b""

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def wait_until_nothing_is_left(self) -> None:
        """The kernel's death signals arrive one generation after the other, so this waits a little."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while left := self.pids():
            assert time.monotonic() < deadline, f"left behind: {[_command_of(pid) for pid in left]}"
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "(gone)"


@contextmanager
def dummy_service(
    *children: dict[str, Any], data_dir: Path | None = None, valkey_port: int = 0, stop_seconds: float = 10
) -> Iterator[Service]:
    """A supervisor with these children, and a Valkey when there is a port for it."""
    described = {
        "children": children,
        "data_dir": str(data_dir),
        "valkey_port": valkey_port,
        "stop_seconds": stop_seconds,
    }
    with Service([sys.executable, str(_DUMMY_SERVICE), json.dumps(described)], data_dir) as service:
        yield service


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


SLEEPER = python("import time; time.sleep(600)")
STUBBORN = python(
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(600)"
)

SUPERVISOR = [sys.executable, "-m", "supervisor"]


def environment(data_dir: Path, **changes: str) -> dict[str, str]:
    """Settings of a run that meets no other."""
    standing = {
        "QABYLDAU_DATA_DIR": str(data_dir),
        "QABYLDAU_PORT": str(free_port()),
        "QABYLDAU_OPERATORS_PORT": str(free_port()),
        "QABYLDAU_STANDINS_PORT": str(free_port()),
    }
    return {**standing, **changes}
