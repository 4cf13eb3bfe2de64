"""A recording of a run, to rehearse with: `python -m loadtests.surge.recorder RUN RECORDING`.

From the clients' book, which knows what everybody did and was told, and the register, which knows how long
each case took. Bots stay out: what they do is no reason for another limit.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import NamedTuple

import msgspec
from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from gateway.domain.case import State
from gateway.domain.programme import load_programme
from gateway.operators.rehearsal.recording import (
    Arrival,
    Header,
    Reached,
    Recording,
    Source,
    write_recording,
)
from gateway.register.schema import applications, history
from loadtests.surge.casting import Kind
from loadtests.surge.ledger import Entry, Outcome, Step, read_ledger
from loadtests.surge.run import Run, read_run

# Whoever comes back within this part of what was told pays no heed to it.
_EARLY = 0.5

# Answers to a form that is wrong, or never arrived.
_NO_FORM = frozenset({"invalid_application", "malformed", "not_json"})

_GAVE_UP_WAITING = frozenset({Outcome.LEFT, Outcome.TURNED_AWAY})
_CUT_OFF = frozenset({Outcome.CUT, Outcome.FAILED})
_FREED = frozenset({State.FORWARDED, State.REFUSED, State.PARKED})


class Service(NamedTuple):
    """From acceptance to the slot being free again."""

    service_ms: int
    is_refused: bool


def record(run: Run) -> Recording:
    """Expects the folder of a run whose service ran here. Raises LedgerError, SQLAlchemyError."""
    services = read_services(run.folder / "data" / "register.db", run.programme)
    visits: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in read_ledger(run.ledger):
        if entry.kind is Kind.PERSON:
            visits[entry.visit].append(entry)
    arrivals = (_arrival(run, sorted(visit, key=_sent_at_us), services) for visit in visits.values())
    programme = load_programme(run.folder / "programmes" / f"{run.programme}.toml")
    header = Header(source=Source.SURGE, programme=programme, limit=run.profile.limit)
    return Recording(header, sorted(filter(None, arrivals), key=lambda arrival: arrival.at_ms))


def read_services(path: Path, programme: str) -> dict[str, Service]:
    """By application id; raises SQLAlchemyError."""
    engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", poolclass=NullPool)
    query = (
        select(history.c.application_id, applications.c.accepted_at_ms, history.c.state, history.c.at_ms)
        .join(applications, applications.c.application_id == history.c.application_id)
        .where(applications.c.programme == programme, history.c.state.in_(_FREED))
        .order_by(history.c.position.desc())
    )
    with engine.connect() as connection:
        return {
            one: Service(max(at_ms - accepted_at_ms, 0), state == State.REFUSED)
            for one, accepted_at_ms, state, at_ms in connection.execute(query)
        }


def _arrival(run: Run, entries: Sequence[Entry], services: Mapping[str, Service]) -> Arrival | None:
    """Return None for a visit without a right form. Entries are in the order of their times."""
    forms = [entry for entry in entries if _is_right_form(entry)]
    if not forms:
        return None
    first, outcome = forms[0], entries[-1].outcome
    admissions = [form for form in forms if form.is_admission]
    was_told = any(form.code == "full" for form in forms)
    arrival = Arrival(
        at_ms=_between_ms(run.began_at_us, first.sent_at_us),
        person=first.person,
        # As the crowd is spread over addresses (casting.address).
        address=first.person // run.profile.people_per_address,
        comes_back=outcome not in _GAVE_UP_WAITING if was_told else None,
        every_ms=_every_ms(entries),
        claim_ms=_claim_ms(entries),
        waited_ms=_between_ms(first.sent_at_us, admissions[0].answered_at_us)
        if was_told and admissions
        else None,
    )
    # Of several starts the last one tells how it ended.
    return _confirming(arrival, admissions[-1], entries, services) if admissions else arrival


def _confirming(
    arrival: Arrival, let_in: Entry, entries: Sequence[Entry], services: Mapping[str, Service]
) -> Arrival:
    """Add what somebody did who was let in; nothing of a visit that the end of the run cut off."""
    after = [entry for entry in entries if entry.sent_at_us >= let_in.answered_at_us]
    phones = [entry for entry in after if entry.step is Step.PHONE]
    sent = [entry for entry in phones if entry.status == HTTPStatus.ACCEPTED]
    codes = [entry for entry in after if entry.step is Step.CONFIRM and entry.code != "code_wrong"]
    if not codes and entries[-1].outcome in _CUT_OFF:
        return arrival
    service = services.get(let_in.id)
    reached = Reached.CODE if codes and sent else Reached.PHONE if sent else Reached.SLOT
    return msgspec.structs.replace(
        arrival,
        reached=reached,
        phone_ms=_between_ms(let_in.answered_at_us, phones[0].sent_at_us) if sent else None,
        code_ms=_between_ms(sent[0].answered_at_us, codes[0].sent_at_us) if codes and sent else None,
        codes=max(len(sent), 1),
        service_ms=service.service_ms if service else None,
        is_refused=bool(service and service.is_refused),
    )


def _every_ms(entries: Sequence[Entry]) -> int | None:
    """How soon somebody comes back who pays no heed to what is told; None of anybody else."""
    pauses = [
        (_between_ms(before.answered_at_us, after.sent_at_us), before.told_ms)
        for before, after in pairwise(entries)
        if before.code == "full" and before.told_ms and after.step is Step.SUBMIT
    ]
    early = [took_ms for took_ms, told_ms in pauses if took_ms < told_ms * _EARLY]
    return median_low(early) if early and len(early) * 2 > len(pauses) else None


def _claim_ms(entries: Sequence[Entry]) -> int | None:
    """From hearing of being called to the form."""
    return next(
        (
            _between_ms(before.answered_at_us, after.sent_at_us)
            for before, after in pairwise(entries)
            if before.step is Step.POLL and after.step is Step.SUBMIT
        ),
        None,
    )


def _is_right_form(entry: Entry) -> bool:
    return entry.step is Step.SUBMIT and entry.status != 0 and entry.code not in _NO_FORM


def _sent_at_us(entry: Entry) -> int:
    return entry.sent_at_us


def _between_ms(first_us: int, last_us: int) -> int:
    return max(last_us - first_us, 0) // 1000


def main() -> None:
    run, recording = sys.argv[1:]
    write_recording(record(read_run(Path(run))), Path(recording))


if __name__ == "__main__":
    main()
