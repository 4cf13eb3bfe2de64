"""The clients' book of a run becomes a recording."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from gateway.domain.case import State
from gateway.operators.rehearsal.recording import Arrival, Reached
from gateway.register.entries import Step as Passed
from gateway.register.journal import open_journal
from gateway.register.migrate import migrate
from loadtests.surge.capacity import Capacity
from loadtests.surge.casting import Kind
from loadtests.surge.ledger import Entry, LedgerWriter, Outcome, Step
from loadtests.surge.programmes import write_programme
from loadtests.surge.recorder import record
from loadtests.surge.run import Run, Target, this_machine
from tests.integration.register.applicants import new_entry
from tests.unit.surge.people_of_a_run import PROFILE

BEGAN_US = 1_782_000_000_000_000
PROGRAMME = {"leases": {"before_phone_seconds": 20, "after_code_seconds": 30}}


class Book:
    """What one visitor was answered; times are milliseconds of the run, and answers take ten."""

    def __init__(self, writer: LedgerWriter, visit: int, person: int, kind: Kind = Kind.PERSON) -> None:
        self._writer, self._visit, self._person, self._kind = writer, visit, person, kind

    def write(self, step: Step, sent_ms: int, status: int = 200, code: str = "", **answer: Any) -> None:
        sent_us = BEGAN_US + sent_ms * 1_000
        self._writer.write(
            Entry(
                visit=self._visit,
                person=self._person,
                kind=self._kind,
                step=step,
                intended_at_us=sent_us,
                sent_at_us=sent_us,
                answered_at_us=sent_us + 10_000,
                status=status,
                code=code,
                **answer,
            )
        )

    def full(self, sent_ms: int, told_ms: int = 2_000) -> None:
        self.write(Step.SUBMIT, sent_ms, 503, "full", told_ms=told_ms)

    def let_in(self, sent_ms: int, application_id: str = "") -> None:
        self.write(Step.SUBMIT, sent_ms, 202, id=application_id)


async def recorded(folder: Path) -> list[Arrival]:
    write_programme(folder / "programmes", PROGRAMME)
    await migrate(f"sqlite:///{folder}/data/register.db")
    run = Run(
        profile=msgspec.structs.replace(PROFILE, people_per_address=4),
        folder=folder,
        target=Target(gateway="", standins=""),
        programme="42500",
        capacity=Capacity(1, 1),
        seed=1,
        processes=1,
        began_at_us=BEGAN_US,
        ended_at_us=BEGAN_US,
        emptied_at_us=None,
        machine=this_machine(),
        versions={},
        commit="",
    )
    recording = record(run)
    assert recording.header.limit == PROFILE.limit
    assert recording.header.programme.leases.after_code_seconds == 30
    return list(recording.arrivals)


async def test_somebody_who_waited_as_told_and_was_served(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    application_id = await served_in_register(tmp_path, 1_500, State.FORWARDED)
    with LedgerWriter(tmp_path / "ledger" / "a.jsonl") as writer:
        book = Book(writer, visit=9, person=41)
        book.write(Step.READ, 100)
        book.write(Step.SUBMIT, 200, 422, "invalid_application")
        book.full(1_000)
        book.write(Step.POLL, 3_010, state="waiting", told_ms=2_000)
        book.write(Step.POLL, 5_020, state="called", told_ms=2_000)
        book.let_in(5_530, application_id)
        book.write(Step.PHONE, 6_040, 202)
        book.write(Step.PHONE, 7_000, 202)
        book.write(Step.SMS, 7_400)
        book.write(Step.CONFIRM, 7_500, 422, "code_wrong")
        book.write(Step.CONFIRM, 8_050)
        book.write(Step.END, 9_000, 0, outcome=Outcome.SERVED)

    [found] = await recorded(tmp_path)

    assert found == Arrival(
        at_ms=1_000,
        person=41,
        address=10,
        reached=Reached.CODE,
        comes_back=True,
        claim_ms=500,
        waited_ms=4_540,
        phone_ms=500,
        code_ms=2_000,
        codes=2,
        service_ms=1_500,
    )


async def test_who_went_away_who_hammered_who_vanished_and_who_was_cut_off(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with LedgerWriter(tmp_path / "ledger" / "a.jsonl") as writer:
        left = Book(writer, 1, 1)
        left.full(100)
        left.write(Step.END, 200, 0, outcome=Outcome.LEFT)
        hammering = Book(writer, 2, 2)
        for at_ms in (200, 610, 1_020):
            hammering.full(at_ms)
        hammering.let_in(1_430)
        hammering.write(Step.END, 1_500, 0, outcome=Outcome.VANISHED)
        cut = Book(writer, 3, 3)
        cut.let_in(300)
        cut.write(Step.END, 400, 0, outcome=Outcome.CUT)
        wrong = Book(writer, 4, 4)
        wrong.write(Step.SUBMIT, 400, 422, "invalid_application")
        wrong.write(Step.END, 500, 0, outcome=Outcome.WRONG_FORM)
        Book(writer, 5, 5, Kind.FLOODER).let_in(500)

    assert await recorded(tmp_path) == [
        Arrival(at_ms=100, person=1, address=0, comes_back=False),
        Arrival(
            at_ms=200,
            person=2,
            address=0,
            reached=Reached.SLOT,
            comes_back=True,
            every_ms=400,
            waited_ms=1_240,
        ),
        Arrival(at_ms=300, person=3, address=0),
    ]


async def test_of_two_starts_the_last_says_how_it_went_on_and_the_first_how_long_was_waited(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    with LedgerWriter(tmp_path / "ledger" / "a.jsonl") as writer:
        book = Book(writer, 1, 1)
        book.full(0)
        book.let_in(2_000)
        book.write(Step.PHONE, 30_000, 404, "not_found")
        book.let_in(31_000)
        book.write(Step.PHONE, 31_510, 202)
        book.write(Step.CONFIRM, 32_520)
        book.write(Step.END, 33_000, 0, outcome=Outcome.SERVED)

    [found] = await recorded(tmp_path)

    assert (found.waited_ms, found.phone_ms, found.code_ms) == (2_010, 500, 1_000)


async def test_somebody_whom_the_state_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    application_id = await served_in_register(tmp_path, 300, State.REFUSED)
    with LedgerWriter(tmp_path / "ledger" / "a.jsonl") as writer:
        book = Book(writer, 1, 1)
        book.let_in(0, application_id)
        book.write(Step.PHONE, 100, 202)
        book.write(Step.CONFIRM, 200)
        book.write(Step.END, 300, 0, outcome=Outcome.REFUSED)

    [found] = await recorded(tmp_path)

    assert (found.reached, found.service_ms, found.is_refused) == (Reached.CODE, 300, True)


async def served_in_register(folder: Path, service_ms: int, end: State) -> str:
    dsn = f"sqlite:///{folder}/data/register.db"
    await migrate(dsn)
    journal = open_journal(dsn)
    entry = new_entry("42500")
    way = (State.VERIFYING, State.FORWARDING, State.FORWARDED)
    states = (State.VERIFYING, State.REFUSED) if end is State.REFUSED else way
    try:
        await journal.register(replace(entry))
        steps = [Passed(state, entry.accepted_at_ms + service_ms) for state in states]
        await journal.record(entry.application_id, steps, 1)
    finally:
        await journal.close()
    return entry.application_id
