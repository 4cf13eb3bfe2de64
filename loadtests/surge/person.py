"""Somebody at the keyboard: how long they think, and what they do when they are sent away."""

import random
from collections.abc import Mapping
from http import HTTPStatus

from loadtests.surge.casting import Habit, Visit, form
from loadtests.surge.ledger import Outcome, Step
from loadtests.surge.plan import Plan
from loadtests.surge.talk import NO_HEADERS, Answer, Talk

# The impatient press the button again as soon as the page is back.
_HAMMER_SECONDS = 0.4

# After an answer that never came, or did not say when to come back.
_UNTOLD_MS = 2_000

# Whoever is told to come back later than this takes it as a no: the run will be over by then.
_MOST_PATIENCE_MS = 120_000


class Over(Exception):
    """The visit is over; carries how."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Person:
    def __init__(self, plan: Plan, visit: Visit, talk: Talk) -> None:
        self.plan, self.visit, self.talk = plan, visit, talk
        self.rng = random.Random(plan.seed * 1_000_003 + visit.ordinal)  # noqa: S311 - chance to be repeated.
        self.form = form(visit)
        self.page = f"/v1/programmes/{plan.programme}"
        # A measurement of capacity has nobody who thinks.
        self._pace = 0.0 if plan.closed else plan.profile.pace

    def has(self, habit: Habit) -> bool:
        return habit in self.visit.habits

    def think(self, mean_seconds: float) -> None:
        """Take some time; `mean_seconds` is that of real life."""
        self.talk.pause(mean_seconds * self._pace * self._about_one())

    def insist(
        self,
        step: Step,
        method: str,
        path: str,
        body: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """Ask until the service itself answers, for as long as it is away or says that it is too early."""
        while True:
            answer = self.talk.ask(step, method, path, body, headers)
            if answer.status and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                if answer.code != "rate_limited":
                    return answer
            elif answer.code == "full":
                return answer
            self.come_back(answer)

    def come_back(self, answer: Answer) -> None:
        """Wait as told, or not. Raises Over for whoever would have to wait too long."""
        if self.has(Habit.IMPATIENT):
            self.talk.pause(_HAMMER_SECONDS * self._about_one())
            return
        told_ms = answer.told_ms
        if told_ms is None:
            told_ms = int(_UNTOLD_MS * self._about_one())
        elif told_ms > _MOST_PATIENCE_MS:
            raise Over(Outcome.TURNED_AWAY)
        self.talk.pause(told_ms / 1000)

    def _about_one(self) -> float:
        """Most people are a bit quicker than the mean, and some take twice or three times as long."""
        return self.rng.triangular(0.4, 2.2, 0.4)
