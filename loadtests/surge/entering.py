"""How somebody gets in: the form, with its mistakes, then the ticket, the wait and the claim."""

import secrets
from http import HTTPStatus

from loadtests.surge.casting import Habit, mistaken
from loadtests.surge.ledger import Outcome, Step
from loadtests.surge.person import Over, Person
from loadtests.surge.talk import Answer, Said

_CORRECTING_SECONDS = 15.0

# Whoever is called has the page open.
_REACTION_SECONDS = 1.0

_MOST_WRONG_FORMS = 3
_TWO_MISTAKES_SHARE = 0.25

# The place in the line is worth nothing any more.
_LOST_PLACE = frozenset({"ticket_invalid", "ticket_missed"})


def enter(person: Person) -> Said:
    """Return what came with the 202. Raises Over."""
    headers = {"Idempotency-Key": secrets.token_hex(16)} if person.has(Habit.KEYED) else {}
    wrong_forms = _wrong_forms(person)
    while True:
        form = mistaken(person.form, person.rng) if wrong_forms else person.form
        answer = person.insist(Step.SUBMIT, "POST", f"{person.page}/applications", form, headers)
        if answer.status == HTTPStatus.ACCEPTED:
            return answer.said
        if answer.code in {"full", "ticket_not_called"}:
            _wait(person, answer, headers)
        elif answer.code in _LOST_PLACE:
            headers.pop("Waiting-Ticket", None)
        elif wrong_forms and answer.code == "invalid_application":
            wrong_forms -= 1
            if not wrong_forms and person.has(Habit.STUBBORN):
                raise Over(Outcome.WRONG_FORM)
            person.think(_CORRECTING_SECONDS)
        else:
            raise Over(Outcome.TURNED_AWAY)


def _wrong_forms(person: Person) -> int:
    """How often the form is sent with a mistake in it."""
    if not person.has(Habit.BAD_DATA):
        return 0
    if person.has(Habit.STUBBORN):
        return _MOST_WRONG_FORMS
    return 2 if person.rng.random() < _TWO_MISTAKES_SHARE else 1


def _wait(person: Person, full: Answer, headers: dict[str, str]) -> None:
    """Wait in the line until the form is to be sent again, with what has to be sent beside it."""
    if person.has(Habit.LEAVING):
        raise Over(Outcome.LEFT)
    person.come_back(full)
    if person.has(Habit.IMPATIENT):
        return  # The same form again, and never mind the ticket: it is found by the person.
    if full.said.ticket:
        headers["Waiting-Ticket"] = full.said.ticket
    if "Waiting-Ticket" not in headers:
        return  # More came at once than get a ticket in a second.
    while True:
        answer = person.insist(Step.POLL, "GET", "/v1/waiting-room", headers=_ticket(headers))
        if answer.status != HTTPStatus.OK:
            headers.pop("Waiting-Ticket", None)
            return
        if answer.said.state != "waiting":
            person.think(_REACTION_SECONDS)
            return
        person.come_back(answer)


def _ticket(headers: dict[str, str]) -> dict[str, str]:
    return {"Waiting-Ticket": headers["Waiting-Ticket"]}
