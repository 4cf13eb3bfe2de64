"""One program of the service, as data, and the life of its process."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from supervisor.leash import ROOT, leashed

# A child that ends with this would end with it every time.
EXIT_BAD_SETTING = 2

# A crash is usually over at once; one that is not must not eat the machine.
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0

# Who has lived this long is well again: its next crash is a new one.
_HEALTHY_SECONDS = 30.0

_PROBE_EVERY_SECONDS = 0.05


class BadSettingError(Exception):
    """A child refused its settings; starting it again would not help."""


@dataclass(frozen=True, slots=True)
class Child:
    """A program to keep running.

    `is_ready` gets the pid, runs in a thread and may block for about a second; without it, who runs is ready.
    A start stage begins when the one before is ready; a stop stage begins when the one before has ended.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[int], bool] | None = None
    start_stage: int = 0
    stop_stage: int = 0


class Life:
    """Starts the child, and again whenever it dies, until it is told to end."""

    def __init__(self, child: Child, output: int, say: Callable[[str], None]) -> None:
        self.child = child
        self.ready = asyncio.Event()
        self._output = output
        self._say = say
        self._ending = asyncio.Event()
        self._last_signal = signal.SIGTERM
        self._pid: int | None = None
        self._was_ready = False

    async def run(self) -> None:
        """Return when told to end and the process is gone. Raises BadSettingError."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._ending.is_set():
            began = time.monotonic()
            code = await self._live()
            if self._ending.is_set():
                return
            if code == EXIT_BAD_SETTING:
                raise BadSettingError(f"{self.child.name} does not take its settings")
            if time.monotonic() - began >= _HEALTHY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            self._say(f"{self.child.name} ended ({_describe(code)}), starting it again in {pause:g} s")
            await wait_for(self._ending, pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def end(self, last_signal: signal.Signals) -> None:
        """Send SIGTERM to the process, or SIGKILL to all its group; nothing is started any more."""
        self._ending.set()
        self._last_signal = last_signal
        self._send_last_signal()

    async def _live(self) -> int:
        process = await asyncio.create_subprocess_exec(
            *leashed(self.child.argv),
            cwd=ROOT,
            env={**os.environ, **self.child.env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            # Ctrl-C reaches the supervisor only, and a group can be killed whole.
            start_new_session=True,
        )
        self._pid = process.pid
        if self._ending.is_set():
            self._send_last_signal()
        ended = asyncio.ensure_future(process.wait())
        await self._wait_ready(self.child.is_ready, process.pid, ended)
        code = await ended
        self.ready.clear()
        self._pid = None
        _kill_group(process.pid)
        return code

    async def _wait_ready(
        self, is_ready: Callable[[int], bool] | None, pid: int, ended: asyncio.Future[int]
    ) -> None:
        while not ended.done():
            if is_ready is None or await asyncio.to_thread(is_ready, pid):
                if self._was_ready and is_ready:
                    self._say(f"{self.child.name} is back")
                self._was_ready = True
                self.ready.set()
                return
            await asyncio.wait([ended], timeout=_PROBE_EVERY_SECONDS)

    def _send_last_signal(self) -> None:
        if self._pid is None:
            return
        if self._last_signal is signal.SIGKILL:
            _kill_group(self._pid)
        else:
            with suppress(ProcessLookupError):
                os.kill(self._pid, self._last_signal)


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Tell whether the event came in time."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def _kill_group(leader: int) -> None:
    # macOS refuses to signal a group of zombies.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _describe(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
