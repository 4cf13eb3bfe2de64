"""Starts the children in stages, keeps them running, ends them in stages."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence

from supervisor.child import EXIT_BAD_SETTING, BadSettingError, Child, Life, wait_for
from supervisor.terminal import Terminal

EXIT_BROKEN = 1
EXIT_KILLED = 128 + signal.SIGINT

# The gateway finishes its requests and the worker its steps; none takes longer.
_STOP_SECONDS = 10.0

# A start that takes longer than this says what it waits for, and again after as long.
_PATIENCE_SECONDS = 10.0

# A parent that was killed tells nobody; nothing else is due then, so a second later will do.
_PARENT_CHECK_SECONDS = 1.0

# A wrapper such as timeout(1) may deliver one keypress twice; a person is slower.
_SAME_KEYPRESS_SECONDS = 0.3


class Supervisor:
    def __init__(
        self, children: Sequence[Child], terminal: Terminal, stop_seconds: float = _STOP_SECONDS
    ) -> None:
        self._stop_seconds = stop_seconds
        width = max(len(child.name) for child in children)
        self._say = terminal.say
        self._lives = [
            Life(child, terminal.pipe(f"{child.name:{width}} | "), self._say) for child in children
        ]
        self._tasks: dict[Life, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._interrupted_at: float | None = None
        self._exit_code = 0

    async def run(self, when_ready: Callable[[], None], parent: int | None = None) -> int:
        """Run until a signal asks to stop, the parent is gone or a child refuses its settings.

        Returns the exit code.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            # The terminal was closed; under nohup that is to make no difference.
            loop.add_signal_handler(signal.SIGHUP, self._stopping.set)
        starting = asyncio.create_task(self._start(when_ready))
        starting.add_done_callback(self._notice_failure)
        while not self._stopping.is_set():
            if parent is not None and os.getppid() != parent:
                self._stopping.set()
            await wait_for(self._stopping, _PARENT_CHECK_SECONDS)
        starting.cancel()
        for stage in _in_stages(self._tasks, lambda life: life.child.stop_stage):
            await self._end(stage)
        return self._exit_code

    async def _start(self, when_ready: Callable[[], None]) -> None:
        for stage in _in_stages(self._lives, lambda life: life.child.start_stage):
            for life in stage:
                task = asyncio.create_task(life.run())
                task.add_done_callback(self._notice_failure)
                self._tasks[life] = task
            for life in stage:
                await self._wait_ready(life)
        when_ready()

    async def _wait_ready(self, life: Life) -> None:
        while not await wait_for(life.ready, _PATIENCE_SECONDS):
            self._say(f"still waiting for {life.child.name}")

    async def _end(self, lives: Sequence[Life]) -> None:
        tasks = [self._tasks[life] for life in lives]
        for life in lives:
            life.end(signal.SIGTERM)
        await asyncio.wait(tasks, timeout=self._stop_seconds)
        for life in lives:
            if not self._tasks[life].done():
                self._say(f"{life.child.name} did not stop within {self._stop_seconds:g} s: killing it")
                life.end(signal.SIGKILL)
        await asyncio.wait(tasks)

    def _interrupt(self) -> None:
        now = time.monotonic()
        if self._interrupted_at is None:
            self._interrupted_at = now
            self._say("stopping; Ctrl-C once more kills")
            self._stopping.set()
        elif now - self._interrupted_at > _SAME_KEYPRESS_SECONDS:
            self._exit_code = EXIT_KILLED
            for life in self._tasks:
                life.end(signal.SIGKILL)

    def _notice_failure(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._say(f"stopping: {error}")
            self._exit_code = EXIT_BAD_SETTING if isinstance(error, BadSettingError) else EXIT_BROKEN
            self._stopping.set()


def _in_stages(lives: Iterable[Life], stage_of: Callable[[Life], int]) -> list[list[Life]]:
    return [list(group) for _, group in itertools.groupby(sorted(lives, key=stage_of), key=stage_of)]
