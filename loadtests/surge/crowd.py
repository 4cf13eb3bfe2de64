"""The people of one Locust process: a queue that they arrive in, and the Locust users who play them.

A user plays one person after the other, and all users are there before the first person arrives: Locust
spawns in bursts of a second, but somebody who arrives is picked up within a switch of greenlets. If the users
ran out, people would wait in the queue with their clocks running, and the ledger would show it.
"""

import os
import time
from itertools import count
from pathlib import Path

import gevent
import msgspec
from gevent.queue import SimpleQueue
from locust.contrib.fasthttp import FastHttpSession

from loadtests.surge.behaviour import live
from loadtests.surge.casting import Visit, address
from loadtests.surge.ledger import LedgerWriter, Outcome
from loadtests.surge.person import Person
from loadtests.surge.plan import Plan
from loadtests.surge.talk import Talk

# Where a machine that does not have the folder of the run keeps its ledger; it is to be copied there.
_LEDGER_ELSEWHERE = Path("surge-ledger")

_MICROSECONDS = 1_000_000


class Counts(msgspec.Struct):
    """How many are expected in all, how many of them have arrived, and how many have gone again."""

    expected: int = 0
    arrived: int = 0
    gone: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.expected + other.expected, self.arrived + other.arrived, self.gone + other.gone)


class Crowd:
    def __init__(self) -> None:
        self.counts = Counts()
        self._arriving = gevent.Greenlet()

    def begin(self, plan: Plan, began_at: float, index: int, processes: int) -> None:
        """Let those arrive who fall to this one of the processes; the curve begins at epoch `began_at`."""
        self._arriving.kill()
        self._plan, self._began_at = plan, began_at
        self._numbers = count(plan.first_person + index, processes)
        self._queue = SimpleQueue()
        folder = plan.ledger if plan.folder.is_dir() else _LEDGER_ELSEWHERE
        self._ledger = LedgerWriter(folder / f"{os.uname().nodename}-{os.getpid()}.jsonl")
        visits = [] if plan.closed else plan.visits()[index::processes]
        self.counts = Counts(expected=len(visits))
        self._arriving = gevent.spawn(self._arrive, visits)

    def play_next(self, session: FastHttpSession) -> None:
        """Wait until somebody arrives, and be that person until the visit is over."""
        visit = self._next_of_closed() if self._plan.closed else self._queue.get()
        began_at_us = int(self._began_at * _MICROSECONDS)
        from_where = address(visit, self._plan.profile.people_per_address)
        talk = Talk(session, self._ledger, visit, began_at_us, from_where)
        outcome = Outcome.CUT
        try:
            outcome = live(Person(self._plan, visit, talk))
        except Exception:
            outcome = Outcome.FAILED
            raise
        finally:
            talk.end(outcome)
            self.counts.gone += 1

    def _arrive(self, visits: list[Visit]) -> None:
        for visit in visits:
            gevent.sleep(max(self._began_at + visit.at_seconds - time.time(), 0))
            self.counts.arrived += 1
            self._queue.put(visit)

    def _next_of_closed(self) -> Visit:
        number = next(self._numbers)
        self.counts.arrived += 1
        return Visit(number, time.time() - self._began_at, number)
