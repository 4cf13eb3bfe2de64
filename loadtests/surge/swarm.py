"""How the crowd is spread over Locust's processes: who is told the plan, how large its pool is."""

import os
import time
from pathlib import Path
from typing import Any

import msgspec
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests.surge.arrivals import multiple_at
from loadtests.surge.crowd import Counts, Crowd
from loadtests.surge.plan import BEGAN, PLAN_VARIABLE, decode_plan, encode_plan, read_plan

# From the start of the test to the first second of the curve: visits are planned, users spawned.
_LEAD_SECONDS = 3.0
_SPAWNED_PER_SECOND = 5_000

# All users are there from the beginning: one costs some ten kilobytes and fifty microseconds, but each
# message that asks a worker for more keeps it busy for a fifth of a second. Above so many they play one
# person after the other.
_MOST_USERS = 30_000

# Users are shared out evenly, and so are visits, but a process may have a few more of these.
_SPARE_USERS = 20

# A test that is started again, from the web page, is one of other people.
_PEOPLE_PER_START = 100_000

_MESSAGE = "surge_plan"


class Listener:
    """In a process that plays people: waits for the plan, and reports."""

    def __init__(self, environment: Environment, crowd: Crowd) -> None:
        self._crowd = crowd
        environment.runner.register_message(_MESSAGE, self._begin)
        environment.events.report_to_master.add_listener(self._report)

    def _begin(self, msg: Any, **_: Any) -> None:
        told = msg.data
        self._crowd.begin(decode_plan(told["plan"]), told["began_at"], told["index"], told["processes"])

    def _report(self, data: dict[str, Any], **_: Any) -> None:
        data["surge"] = msgspec.structs.asdict(self._crowd.counts)


class Conductor:
    """In the master, or the only process: has the plan, and knows of everybody."""

    def __init__(self, environment: Environment, crowd: Crowd) -> None:
        self._runner, self._crowd = environment.runner, crowd
        self._reported: dict[str, Counts] = {}
        self.plan = read_plan(Path(os.environ[PLAN_VARIABLE]))
        self._began_at = 0.0
        self._users = self._count_users()
        events = environment.events
        events.test_start.add_listener(self._begin)
        events.test_stop.add_listener(self._end)
        events.worker_report.add_listener(self._take_report)

    @property
    def counts(self) -> Counts:
        if isinstance(self._runner, MasterRunner):
            return sum(self._reported.values(), Counts())
        return self._crowd.counts

    @property
    def passed_seconds(self) -> float:
        """Since the first second of the curve; before it, negative."""
        return time.time() - self._began_at if self._began_at else -self._lead_seconds

    @property
    def offered_per_second(self) -> float:
        return multiple_at(self.plan.profile.curve, self.passed_seconds) * self.plan.per_second

    def users_wanted(self) -> int | None:
        """Return the size of the pool in all processes, or None when the test is over."""
        return None if self._is_over(self.passed_seconds) else self._users

    def _is_over(self, passed: float) -> bool:
        if self.plan.closed:
            return passed > self.plan.closed.seconds
        profile, counts = self.plan.profile, self.counts
        if passed > profile.duration_seconds + profile.drain_seconds:
            return True
        return passed > profile.duration_seconds and counts.gone >= counts.expected

    def _begin(self, **_: Any) -> None:
        self._began_at = time.time() + self._lead_seconds
        (self.plan.folder / BEGAN).write_text(str(self._began_at))
        clients = [client.id for client in self._runner.clients.ready] if self._is_master else [None]
        for index, client in enumerate(clients):
            told = {
                "plan": encode_plan(self.plan),
                "began_at": self._began_at,
                "index": index,
                "processes": len(clients),
            }
            self._runner.send_message(_MESSAGE, told, client)

    def _end(self, **_: Any) -> None:
        self._began_at = 0.0
        self._reported.clear()
        first_person = self.plan.first_person + _PEOPLE_PER_START
        self.plan = msgspec.structs.replace(self.plan, first_person=first_person)

    def _take_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        if "surge" in data:
            self._reported[client_id] = Counts(**data["surge"])

    def _count_users(self) -> int:
        if self.plan.closed:
            return self.plan.closed.people
        return min(len(self.plan.arrivals()), _MOST_USERS) + _SPARE_USERS

    @property
    def _lead_seconds(self) -> float:
        if self.plan.closed:
            return 0.0
        return _LEAD_SECONDS + self._users / _SPAWNED_PER_SECOND

    @property
    def _is_master(self) -> bool:
        return isinstance(self._runner, MasterRunner)


def join(environment: Environment, crowd: Crowd) -> Conductor | None:
    """Give the process its part: the only one has both, a worker no conductor."""
    runner = environment.runner
    if not isinstance(runner, MasterRunner):
        Listener(environment, crowd)
    return None if isinstance(runner, WorkerRunner) else Conductor(environment, crowd)
