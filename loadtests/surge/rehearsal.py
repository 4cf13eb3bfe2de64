"""A rehearsal: capacity is measured, then each profile has its run against a fresh service, and is judged."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from loadtests.surge import capacity
from loadtests.surge.arrivals import expected
from loadtests.surge.capacity import Capacity
from loadtests.surge.drive import Say, drive, measure_capacity
from loadtests.surge.generator import Swarming
from loadtests.surge.judging import judge
from loadtests.surge.plan import Plan
from loadtests.surge.profiles import Profile
from loadtests.surge.programmes import PROGRAMME
from loadtests.surge.run import Run, Target, these_versions, this_commit, this_machine, write_run
from loadtests.surge.service import Service, running
from loadtests.surge.verdicts import Verdict

# So many numbers of people each run has; more than any profile lets come.
PEOPLE_PER_RUN = 100_000


class Elsewhere(Struct, frozen=True):
    """A service that somebody else has started, with stand-ins behind it."""

    gateway: str
    standins: str


class Options(Struct, frozen=True, kw_only=True):
    """`first_person` is where the numbers of people begin, `people_per_second` a capacity known before."""

    out: Path
    swarming: Swarming
    seed: int
    first_person: int
    elsewhere: Elsewhere | None = None
    people_per_second: float | None = None


class Judged(Struct, frozen=True):
    run: Run
    verdicts: list[Verdict]

    @property
    def held(self) -> bool:
        return all(verdict.held for verdict in self.verdicts)


def rehearse(profiles: Sequence[Profile], options: Options, say: Say) -> Iterator[Judged]:
    """Yield each run as soon as it is judged. Raises GeneratorError, NoCapacity, ServiceError."""
    measured = _find_capacity(options, say)
    say(f"capacity: {measured.people_per_second:.0f} people/s, {measured.answers_per_second:.0f} answers/s")
    for number, profile in enumerate(profiles, start=1):
        # Elsewhere nobody may come to two runs: whoever has applied there, has applied.
        first_person = options.first_person + (number * PEOPLE_PER_RUN if options.elsewhere else 0)
        yield _run(profile, measured, msgspec.structs.replace(options, first_person=first_person), say)


def _find_capacity(options: Options, say: Say) -> Capacity:
    if options.people_per_second:
        return Capacity(options.people_per_second, 0)
    say("measuring what this machine does in a second …")
    folder = options.out / "capacity"
    with _service(capacity.PROFILE, folder, options) as (target, _):
        plan = _plan(capacity.PROFILE, 1, folder, target, options)
        return asyncio.run(measure_capacity(plan, options.swarming))


def _run(profile: Profile, measured: Capacity, options: Options, say: Say) -> Judged:
    folder = options.out / profile.name
    with _service(profile, folder, options) as (target, service):
        plan = _plan(profile, _per_second(profile, measured), folder, target, options)
        driven = asyncio.run(drive(plan, measured, options.swarming, service, say))
        run = Run(
            profile=profile,
            folder=folder,
            target=target,
            programme=plan.programme,
            capacity=measured,
            seed=options.seed,
            processes=max(options.swarming.processes, options.swarming.expect_workers),
            began_at_us=driven.began_at_us,
            ended_at_us=driven.ended_at_us,
            emptied_at_us=driven.emptied_at_us,
            machine=this_machine(),
            versions=these_versions(),
            commit=this_commit(),
        )
        write_run(run)
        # While the service is still there to be asked.
        return Judged(run, judge(run))


@contextmanager
def _service(profile: Profile, folder: Path, options: Options) -> Iterator[tuple[Target, Service | None]]:
    """Give where the load goes; a service of our own lives as long as this."""
    folder.mkdir(parents=True)
    if options.elsewhere:
        yield Target(gateway=options.elsewhere.gateway, standins=options.elsewhere.standins), None
        return
    with running(Service(folder, profile)) as service:
        target = Target(
            gateway=service.gateway,
            standins=service.standins,
            redis_url=service.redis_url,
            data_dir=service.data_dir,
            log=service.log,
        )
        yield target, service


def _per_second(profile: Profile, measured: Capacity) -> float:
    """What the multiple 1 of the curve stands for."""
    if profile.people is None:
        return measured.people_per_second
    return profile.people / expected(profile.curve, profile.duration_seconds)


def _plan(profile: Profile, per_second: float, folder: Path, target: Target, options: Options) -> Plan:
    return Plan(
        profile=profile,
        per_second=per_second,
        seed=options.seed,
        gateway=target.gateway,
        standins=target.standins,
        programme=PROGRAMME,
        folder=folder,
        first_person=options.first_person,
    )
