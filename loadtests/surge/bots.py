"""What bots try: forged tickets, many forms from one address, ids and codes of other people."""

import base64
import secrets
from collections.abc import Callable
from http import HTTPStatus

from gateway.domain.case import new_application_id
from loadtests import people
from loadtests.surge.casting import Kind
from loadtests.surge.ledger import Step
from loadtests.surge.person import Person

# As many tries as one bot makes, and how long it rests between two.
_TRIES = 20
_PAUSE_SECONDS = 0.1

# A signed ticket has this many bytes.
_TICKET_BYTES = 39

# The flooder sends forms of people whom nobody else plays: the upper half of all there are, a thousand a bot.
_FIRST_FLOODED = people.MOST_PEOPLE // 2
_FLOODED = 1_000

_RECEIPT_BYTES = 32


def _forge(person: Person) -> None:
    """Tickets made up, and one's own with a letter changed."""
    own = person.talk.ask(Step.SUBMIT, "POST", f"{person.page}/applications", person.form).said.ticket
    for n in range(_TRIES):
        made_up = f"{person.plan.programme}.{_base64(secrets.token_bytes(_TICKET_BYTES))}"
        ticket = {"Waiting-Ticket": _with_letter_changed(own) if own and n % 2 else made_up}
        person.talk.ask(Step.POLL, "GET", "/v1/waiting-room", headers=ticket)
        person.talk.ask(Step.SUBMIT, "POST", f"{person.page}/applications", person.form, ticket)
        person.talk.pause(_PAUSE_SECONDS)


def _flood(person: Person) -> None:
    """Forms of many people, one after the other, to take slots that nobody will use."""
    first = _FIRST_FLOODED + person.visit.ordinal * _FLOODED % _FIRST_FLOODED
    for n in range(_TRIES):
        person.talk.ask(Step.SUBMIT, "POST", f"{person.page}/applications", people.form(first + n))
        person.talk.pause(_PAUSE_SECONDS)


def _enumerate(person: Person) -> None:
    """Ids and receipts out of the air."""
    for _ in range(_TRIES):
        url = f"/v1/applications/{new_application_id(person.plan.programme)}"
        receipt = {"Authorization": f"Bearer {_base64(secrets.token_bytes(_RECEIPT_BYTES))}"}
        person.talk.ask(Step.LOOK, "GET", url, headers=receipt)
        person.talk.pause(_PAUSE_SECONDS)


def _guess(person: Person) -> None:
    """A slot, somebody's phone, and any code."""
    given = person.talk.ask(Step.SUBMIT, "POST", f"{person.page}/applications", person.form)
    if given.status != HTTPStatus.ACCEPTED:
        return
    url, receipt = f"/v1/applications/{given.said.id}", {"Authorization": f"Bearer {given.said.receipt}"}
    person.talk.ask(Step.PHONE, "POST", f"{url}/phone", {"phone": people.phone(person.visit.person)}, receipt)
    for _ in range(_TRIES):
        code = {"code": f"{secrets.randbelow(10**6):06}"}
        person.talk.ask(Step.CONFIRM, "POST", f"{url}/confirmation", code, receipt)
        person.talk.pause(_PAUSE_SECONDS)


TRICKS: dict[Kind, Callable[[Person], None]] = {
    Kind.FORGER: _forge,
    Kind.FLOODER: _flood,
    Kind.ENUMERATOR: _enumerate,
    Kind.GUESSER: _guess,
}


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _with_letter_changed(ticket: str) -> str:
    return f"{ticket[:-10]}{'A' if ticket[-10] != 'A' else 'B'}{ticket[-9:]}"
