"""One mutant's trial: a short run against a service that comes up broken, judged by the oracle."""

import asyncio
import time
from pathlib import Path

import aiohttp
import msgspec
from msgspec import Struct

from loadtests.surge import oracle
from loadtests.surge.arrivals import expected
from loadtests.surge.capacity import Capacity
from loadtests.surge.generator import Swarming, started_locust
from loadtests.surge.mutants.breaking import VARIABLE
from loadtests.surge.mutants.catalogue import Mutant
from loadtests.surge.plan import Plan
from loadtests.surge.profiles import Mix, Point, Profile
from loadtests.surge.programmes import PROGRAMME
from loadtests.surge.run import Run, Target, these_versions, this_commit, this_machine
from loadtests.surge.service import ROOT, Service, running

INSIDE = Path(__file__).parent / "inside"

# More than there is room for, so that a line forms, in which some come again and some do not come.
PROFILE = Profile(
    name="mutant",
    description="A hundred people within seven seconds, most of them at first, and room for thirty",
    limit=30,
    people=110,
    curve=(Point(0, 4), Point(1.5, 4), Point(2, 1), Point(7, 1)),
    drain_seconds=22,
    pace=0.02,
    mix=Mix(duplicates=0.3, impatient=0.1, vanishing=0.05, keyed=0.5, refused=0.03, denied=0.03),
    programme={
        "leases": {"before_phone_seconds": 6, "after_code_seconds": 8},
        "waiting_room": {"claim_window_seconds": 4, "front_row_window_seconds": 8, "calls_per_second": 100},
    },
)

_SEED = 42_500

# What is still on its way then does not come any more: most mutants leave something behind for ever.
_SETTLE_SECONDS = 15.0
_POLL_SECONDS = 0.5
_EMPTY_POLLS = 4


class Outcome(Struct, frozen=True):
    """`broken`: the rules that did not hold, with what was found; `error`: why there was no trial."""

    mutant: Mutant
    broken: dict[str, str]
    seconds: float
    error: str = ""

    @property
    def is_right(self) -> bool:
        """The control held, or the mutant was caught by the rule that is there for it."""
        held = not self.broken if self.mutant.rule is None else self.mutant.rule in self.broken
        return held and not self.error


def try_mutant(mutant: Mutant, folder: Path) -> Outcome:
    """Start the service, drive people through it, judge. Raises GeneratorError, ServiceError."""
    began = time.monotonic()
    environ = {"PYTHONPATH": f"{INSIDE}:{ROOT}", VARIABLE: " ".join(mutant.breaks)}
    with running(Service(folder, PROFILE, environ)) as service:
        run = asyncio.run(_drive(folder, service))
        verdicts = oracle.judge(run)
    (folder / "verdicts.json").write_bytes(msgspec.json.format(msgspec.json.encode(verdicts)))
    broken = {verdict.name: verdict.detail or verdict.found for verdict in verdicts if not verdict.held}
    return Outcome(mutant, broken, time.monotonic() - began)


async def _drive(folder: Path, service: Service) -> Run:
    """Without measuring, watching and faults: only what the oracle asks for."""
    per_second = (PROFILE.people or 0) / expected(PROFILE.curve, PROFILE.duration_seconds)
    plan = Plan(
        profile=PROFILE,
        per_second=per_second,
        seed=_SEED,
        gateway=service.gateway,
        standins=service.standins,
        programme=PROGRAMME,
        folder=folder,
    )
    async with aiohttp.ClientSession() as session, started_locust(plan, Swarming()) as locust:
        began_at = await locust.begun()
        await locust.end()
        await _settle(session, plan)
    (folder / "faults.jsonl").touch()
    return Run(
        profile=PROFILE,
        folder=folder,
        target=Target(
            gateway=service.gateway,
            standins=service.standins,
            redis_url=service.redis_url,
            data_dir=service.data_dir,
            log=service.log,
        ),
        programme=PROGRAMME,
        capacity=Capacity(per_second, 0),
        seed=_SEED,
        processes=1,
        began_at_us=int(began_at * 1_000_000),
        ended_at_us=time.time_ns() // 1000,
        emptied_at_us=None,
        machine=this_machine(),
        versions=these_versions(),
        commit=this_commit(),
    )


async def _settle(session: aiohttp.ClientSession, plan: Plan) -> None:
    """Wait until the service is empty, but not for long, and keep E-Maket's book."""
    deadline, empty = time.monotonic() + _SETTLE_SECONDS, 0
    while time.monotonic() < deadline and empty < _EMPTY_POLLS:
        shown = await _get(session, f"{plan.gateway}/v1/programmes/{plan.programme}")
        figures = msgspec.json.decode(shown, type=dict[str, object])
        is_empty = figures.get("in_process") == 0 and figures.get("waiting") == 0
        empty = empty + 1 if is_empty else 0
        await asyncio.sleep(_POLL_SECONDS)
    for name, path in (("e-maket", "applications"), ("deliveries", "deliveries")):
        (plan.folder / f"{name}.json").write_bytes(await _get(session, f"{plan.standins}/e-maket/{path}"))


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as response:
        return await response.read()
