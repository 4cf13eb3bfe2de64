"""How somebody who was let in becomes accepted: phone, SMS, code."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

import msgspec

from loadtests import people
from loadtests.surge.ledger import Outcome, Step
from loadtests.surge.person import Over, Person
from loadtests.surge.talk import now_us

_GIVING_PHONE_SECONDS = 15.0
_TYPING_CODE_SECONDS = 20.0

# Nobody stares at the phone for longer.
_SMS_SECONDS = 60.0
_INBOX_EVERY_SECONDS = 0.5

_MOST_CODES = 4
_MISTYPED_CODE_SHARE = 0.03
_MISTYPED_CODE = "000000"

_CODE = re.compile(r"[0-9]{6}")

# The application has lapsed: one begins anew.
_LAPSED = frozenset({"not_found", "wrong_state", "code_expired"})


class Lapsed(Exception):
    """The application is gone."""


class _Message(msgspec.Struct):
    text: str


_INBOX = msgspec.json.Decoder(list[_Message])


def confirm_phone(person: Person, url: str, receipt: Mapping[str, str]) -> None:
    """Return when the application is accepted. Raises Over and Lapsed."""
    # Codes of an earlier visit lie in the same inbox.
    tried = set(_codes(person)) if person.visit.is_repeat else set()
    _give_phone(person, url, receipt)
    codes = [_MISTYPED_CODE] if person.rng.random() < _MISTYPED_CODE_SHARE else []
    for _ in range(_MOST_CODES):
        code = codes.pop() if codes else _wait_for_code(person, tried)
        tried.add(code)
        person.think(_TYPING_CODE_SECONDS)
        if _is_accepted(person, url, receipt, code):
            return
    raise Over(Outcome.GAVE_UP)


def _give_phone(person: Person, url: str, receipt: Mapping[str, str]) -> None:
    _hold(person)
    person.think(_GIVING_PHONE_SECONDS)
    number = {"phone": people.phone(person.visit.person)}
    may_be_sent = False
    while True:
        answer = person.talk.ask(Step.PHONE, "POST", f"{url}/phone", number, receipt)
        # A call whose answer was lost may have sent a code, and another would come too soon.
        if answer.status == HTTPStatus.ACCEPTED or (may_be_sent and answer.code == "rate_limited"):
            return
        if answer.code in _LAPSED:
            raise Lapsed
        if answer.code != "rate_limited":
            may_be_sent = True
            if answer.status and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Over(Outcome.TURNED_AWAY)
        person.come_back(answer)


def _hold(person: Person) -> None:
    hold = person.plan.profile.hold
    if hold and not person.plan.closed:
        person.talk.pause_until_second(person.rng.uniform(hold.from_second, hold.to_second))


def _wait_for_code(person: Person, tried: set[str]) -> str:
    """Return the newest code that was not tried yet. Raises Over when none comes."""
    asked_at_us = now_us()
    while True:
        fresh = [code for code in _codes(person) if code not in tried]
        if fresh:
            person.talk.note_found(Step.SMS)
            return fresh[-1]
        if now_us() - asked_at_us > _SMS_SECONDS * 1_000_000:
            raise Over(Outcome.GAVE_UP)
        person.talk.sleep(_INBOX_EVERY_SECONDS)


def _codes(person: Person) -> list[str]:
    """All codes in the inbox of the stand-in, oldest first."""
    number = quote(people.phone(person.visit.person))
    content = person.talk.peek(f"{person.plan.standins}/sms/inbox?phone={number}")
    return [code[0] for message in _INBOX.decode(content or b"[]") if (code := _CODE.search(message.text))]


def _is_accepted(person: Person, url: str, receipt: Mapping[str, str], code: str) -> bool:
    """Tell whether it was the right code. Raises Over and Lapsed."""
    while True:
        answer = person.insist(Step.CONFIRM, "POST", f"{url}/confirmation", {"code": code}, receipt)
        if answer.status == HTTPStatus.OK:
            return True
        if answer.code == "code_wrong":
            return False
        if answer.code == "already_applied" and answer.told_ms is None:
            raise Over(Outcome.ALREADY_APPLIED)
        if answer.code in _LAPSED:
            raise Lapsed
        if answer.code not in {"full", "already_applied"}:
            raise Over(Outcome.TURNED_AWAY)
        # The code is right; at the moment there is no slot for it, or another phone is being asked about.
        person.come_back(answer)
