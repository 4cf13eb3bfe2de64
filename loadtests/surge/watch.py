"""What is seen from outside while a run goes on: a sample a second, and a line for whoever watches."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
from msgspec import Struct

from loadtests.surge.arrivals import multiple_at
from loadtests.surge.capacity import Capacity
from loadtests.surge.figures import Tally
from loadtests.surge.ledger import LedgerFollower
from loadtests.surge.plan import Plan

_EVERY_SECONDS = 1.0

# So many samples in a row must show an empty service: what one process knows may be a second old.
_EMPTY_SAMPLES = 3


class Sample(Struct, frozen=True, kw_only=True):
    """The programme as everybody sees it; without an answer `status` is 0, and the figures are None."""

    at_us: int
    status: int = 0
    limit: int | None = None
    in_process: int | None = None
    waiting: int | None = None
    eta_seconds: int | None = None
    eta_p90_seconds: int | None = None

    @property
    def is_empty(self) -> bool:
        return self.in_process == 0 and self.waiting == 0


class Watcher:
    """`emptied_at_us` is when the service was empty for good, as far as is known."""

    def __init__(
        self, session: aiohttp.ClientSession, plan: Plan, measured: Capacity, say: Callable[[str], None]
    ) -> None:
        self._session, self._plan, self._capacity, self._say = session, plan, measured, say
        self._follower = LedgerFollower(plan.ledger)
        self._empty: list[int] = []
        self.tally: Tally | None = None

    @property
    def emptied_at_us(self) -> int | None:
        return self._empty[0] if len(self._empty) >= _EMPTY_SAMPLES else None

    async def watch(self, began_at: float) -> None:
        """Go on until cancelled; the curve began at this epoch second."""
        self.tally = Tally(int(began_at * 1_000_000))
        with (self._plan.folder / "samples.jsonl").open("wb", buffering=0) as file:
            while True:
                due = time.time() + _EVERY_SECONDS
                sample = await self._take_sample()
                file.write(msgspec.json.encode(sample) + b"\n")
                self._empty = [*self._empty, sample.at_us] if sample.is_empty else []
                for entry in self._follower.new_entries():
                    self.tally.add(entry)
                passed = time.time() - began_at
                is_over = passed > self._plan.profile.duration_seconds and not self._inside(self.tally)
                if not (is_over and sample.is_empty):
                    self._say(self._line(self.tally, passed, sample))
                await asyncio.sleep(max(due - time.time(), 0))

    async def _take_sample(self) -> Sample:
        at_us = time.time_ns() // 1000
        url = f"{self._plan.gateway}/v1/programmes/{self._plan.programme}"
        try:
            async with self._session.get(url) as response:
                shown = msgspec.json.decode(await response.read(), type=dict[str, object])
                figures = {name: shown.get(name) for name in Sample.__struct_fields__[2:]}
                return msgspec.convert({**figures, "at_us": at_us, "status": response.status}, Sample)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            return Sample(at_us=at_us)

    def _inside(self, tally: Tally) -> int:
        return tally.total.arrived - tally.outcomes.total()

    def _line(self, tally: Tally, second: float, sample: Sample) -> str:
        per_second = multiple_at(self._plan.profile.curve, second) * self._plan.per_second
        multiple, total = per_second / self._capacity.people_per_second, tally.total
        slots = "away" if sample.in_process is None else f"{sample.in_process:,}/{sample.limit:,}"
        waiting = "?" if sample.waiting is None else f"{sample.waiting:,}"
        return (
            f"{self._plan.profile.name} {second:4.0f} s"
            f"  offered {multiple:4.1f}× {per_second:5.0f}/s"
            f"  arrived {total.arrived:6,}  inside {self._inside(tally):5,}"
            f"  admitted {total.admitted:6,}  accepted {total.accepted:6,}  served {total.served:6,}"
            f"  waiting {waiting:>6}  told full {total.full:6,}  refused {total.refused:5,}"
            f"  slots {slots:>11}" + (f"  UNEXPECTED {total.unexpected:,}" if total.unexpected else "")
        )


def read_samples(path: Path) -> list[Sample]:
    return [msgspec.json.decode(line, type=Sample) for line in path.read_bytes().splitlines()]
