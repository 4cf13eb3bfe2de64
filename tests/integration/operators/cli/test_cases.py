import json

import pytest
from msgspec.structs import replace

from gateway.domain.case import State, new_application_id
from gateway.inflight.admission import Admitted, admit
from gateway.operators.cli.opening import Office
from gateway.register.entries import CONTESTED, DEAD_LETTER, REPLAYED, UPHELD, Entry
from tests.integration.inflight.people import accepted, admission_rules, application
from tests.integration.operators.cli.machine import (
    IBAN,
    IIN,
    NAME,
    PERSONAL,
    PHONE,
    PROGRAMME,
    VERIFYING,
    WHY,
    Machine,
)

# The same in every run, or processes that share the tests would not find the same ones.
NOBODYS_ID = f"{PROGRAMME}-" + "a" * 26


def entry_of(machine: Machine, application_id: str) -> Entry:
    async def get(office: Office) -> Entry:
        entry = await office.journal.get(application_id)
        assert entry is not None
        return entry

    return machine.inside(get)


def in_flight(machine: Machine) -> str:
    async def accept(office: Office) -> str:
        return (await accepted(office.store, "somebody", limit=10)).id

    return machine.inside(accept)


def nothing_personal(text: str) -> bool:
    return not any(value in text for value in PERSONAL)


def test_a_case_is_found_by_id_and_by_journal_number(served: Machine) -> None:
    application_id, number = served.registered(VERIFYING)

    for reference in (application_id, number):
        (found,) = served.json("cases", "find", reference)["cases"]
        assert (found["id"], found["number"], found["state"]) == (application_id, number, "verifying")
        shown = served.done("cases", "show", reference)
        assert number in shown
        assert "sealed" in shown
        assert nothing_personal(shown)
        assert nothing_personal(served.done("cases", "show", reference, "--json"))
    assert served.trail() == []


def test_a_case_in_flight_is_found_before_the_register_knows_it(served: Machine) -> None:
    application_id = in_flight(served)

    case = served.json("cases", "show", application_id)

    assert (case["state"], case["in_flight"], case["number"]) == ("accepted", True, None)
    assert [step["state"] for step in case["history"]] == ["awaiting_phone", "accepted"]


@pytest.mark.parametrize("reference", ["nonsense", "42500-2026-9999999", NOBODYS_ID, IIN])
def test_a_case_that_is_not_there_is_said_without_repeating_what_was_typed(
    served: Machine, reference: str
) -> None:
    assert reference not in served.refused(1, "cases", "show", reference)


def test_while_redis_is_away_the_register_still_tells(
    served: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, number = served.registered(VERIFYING)
    monkeypatch.setenv("QABYLDAU_REDIS_URL", "redis://127.0.0.1:1/0")

    case = served.json("cases", "show", number)

    assert (case["state"], case["in_flight"]) == ("verifying", None)
    served.refused(4, "cases", "show", new_application_id(PROGRAMME))


def test_personal_data_is_shown_for_a_reason_that_is_written_down_first(served: Machine) -> None:
    application_id, number = served.registered(VERIFYING)

    shown = served.done("cases", "show", number, "--personal", *WHY)

    assert all(value in shown for value in (IIN, NAME, IBAN, PHONE))
    done, requested = served.trail()
    assert (requested.action, requested.subject, requested.reason) == ("open_case", application_id, WHY[1])
    assert (requested.outcome, done.outcome) == ("requested", "done")
    assert nothing_personal(str(served.trail()))
    personal = served.json("cases", "show", number, "--personal", *WHY)["personal"]
    assert (personal["iin"], personal["full_name"], personal["phone"]) == (IIN, NAME, PHONE)


def test_personal_data_is_shown_to_nobody_who_does_not_say_why(served: Machine) -> None:
    _, number = served.registered(VERIFYING)

    served.refused(2, "cases", "show", number, "--personal")
    served.refused(2, "cases", "show", number, "--personal", "--reason", " ")

    assert served.trail() == []


def test_personal_data_is_not_shown_when_the_trail_cannot_be_written(served: Machine) -> None:
    _, number = served.registered(VERIFYING)

    async def lose_the_head(office: Office) -> None:
        await office.register.write(lambda connection: connection.exec_driver_sql("DELETE FROM audit_head"))

    served.inside(lose_the_head)

    result = served.run("cases", "show", number, "--personal", *WHY)

    assert result.exit_code == 4
    assert nothing_personal(result.output)


def test_a_record_that_other_keys_have_sealed_stays_closed(served: Machine) -> None:
    application_id = in_flight(served)

    said = served.refused(1, "cases", "show", application_id, "--personal", *WHY)

    assert "does not open" in said
    assert served.outcomes("open_case") == ["requested", "refused"]


def test_whoever_has_lost_everything_is_found_by_an_iin_that_leaves_no_trace(served: Machine) -> None:
    _, number = served.registered(VERIFYING)

    result = served.run("cases", "find", "--iin-from-stdin", *WHY, typed=f"{IIN}\n")

    assert number in result.stdout
    assert nothing_personal(result.output)
    assert served.outcomes("find_person") == ["requested", "done"]
    assert nothing_personal(str(served.trail()))


def test_a_person_is_found_in_flight_as_well(served: Machine) -> None:
    async def apply(office: Office) -> str:
        one = replace(application("anybody"), person=office.read_keyring().person(PROGRAMME, IIN))
        assert isinstance((await admit(office.store, PROGRAMME, admission_rules(), [one]))[0], Admitted)
        return one.id

    application_id = served.inside(apply)
    _, number = served.registered(VERIFYING)

    found = served.json("cases", "find", "--iin-from-stdin", *WHY, typed=IIN)["cases"]

    assert [(case["number"], case["state"]) for case in found] == [
        (None, "awaiting_phone"),
        (number, "verifying"),
    ]
    assert found[0]["id"] == application_id


@pytest.mark.parametrize("typed", ["", "123", "900101300424", f"{IIN[:-1]}٣"])
def test_what_is_no_iin_is_not_repeated(served: Machine, typed: str) -> None:
    said = served.refused(2, "cases", "find", "--iin-from-stdin", *WHY, typed=typed)

    assert not typed or typed not in said
    assert served.trail() == []


def test_somebody_who_never_applied_is_not_found_and_that_is_audited(served: Machine) -> None:
    result = served.run("cases", "find", "--iin-from-stdin", *WHY, typed=IIN)

    assert (result.exit_code, result.stdout) == (1, "No case is known.\n")
    assert served.outcomes("find_person") == ["requested", "done"]


@pytest.mark.parametrize("arguments", [(), (IIN, "--iin-from-stdin"), ("--iin-from-stdin",)])
def test_a_person_is_looked_for_in_one_way_only(served: Machine, arguments: tuple[str, ...]) -> None:
    assert IIN not in served.refused(2, "cases", "find", *arguments, typed=IIN)


def test_a_parked_case_is_due_at_once_when_an_operator_takes_it_up(served: Machine) -> None:
    application_id, number = served.registered(VERIFYING, parked_for=DEAD_LETTER)

    assert served.json("cases", "retry", number, *WHY) == {
        "id": application_id,
        "number": number,
        "state": "due",
    }

    entry = entry_of(served, application_id)
    assert (entry.state, entry.park_reason) == (State.PARKED, REPLAYED)
    assert entry.retry_at_ms is not None
    assert served.outcomes("retry_case") == ["requested", "done"]


def test_a_case_that_is_not_parked_goes_on_by_itself(served: Machine) -> None:
    _, number = served.registered(VERIFYING)

    assert "verifying" in served.refused(1, "cases", "retry", number, *WHY)
    assert served.outcomes("retry_case") == ["requested", "refused"]


def test_dead_letters_are_listed_shown_and_replayed(served: Machine) -> None:
    assert served.done("dead-letters", "list", PROGRAMME) == "There is no dead letter.\n"
    application_id, number = served.registered(VERIFYING, parked_for=DEAD_LETTER)
    _, waiting = served.registered(VERIFYING, parked_for="no_answer")

    (letter,) = served.json("dead-letters", "list", PROGRAMME)["cases"]
    assert (letter["id"], letter["number"], letter["parks"]) == (application_id, number, 1)
    assert number in served.done("dead-letters", "list", PROGRAMME)
    assert "dead letter" in served.done("dead-letters", "show", number)
    served.refused(1, "dead-letters", "show", waiting)

    assert served.json("dead-letters", "replay", PROGRAMME, *WHY) == {"programme": PROGRAMME, "replayed": 1}
    assert served.json("dead-letters", "list", PROGRAMME)["cases"] == []
    assert json.loads(served.trail()[0].details)["replayed"] == 1


def test_contested_cases_are_listed_and_upheld(served: Machine) -> None:
    assert served.done("cases", "contested", PROGRAMME) == "No case is contested.\n"
    application_id, number = served.registered(VERIFYING, parked_for=CONTESTED)

    (case,) = served.json("cases", "contested", PROGRAMME)["cases"]
    assert (case["id"], case["park_reason"]) == (application_id, "contested")
    assert "parked, contested" in served.done("cases", "show", number)

    assert served.json("cases", "uphold", number, *WHY)["state"] == "due"
    entry = entry_of(served, application_id)
    assert (entry.park_reason, entry.retry_at_ms) == (UPHELD, entry.upheld_at_ms)
    assert served.outcomes("uphold_case") == ["requested", "done"]
    assert "not contested" in served.refused(1, "cases", "refuse", number, *WHY)
    assert served.outcomes("refuse_case") == ["requested", "refused"]


def test_a_contested_case_is_refused_and_its_applicant_will_be_told(served: Machine) -> None:
    application_id, number = served.registered(VERIFYING, parked_for=CONTESTED)

    assert served.json("cases", "refuse", number, *WHY)["state"] == "refused"

    assert entry_of(served, application_id).state is State.REFUSED
    assert served.outcomes("refuse_case") == ["requested", "done"]
    assert "not contested" in served.refused(1, "cases", "uphold", number, *WHY)


@pytest.mark.parametrize("verb", ["uphold", "refuse"])
def test_only_what_is_contested_is_upheld_or_refused(served: Machine, verb: str) -> None:
    _, number = served.registered(VERIFYING, parked_for=DEAD_LETTER)

    assert "not contested" in served.refused(1, "cases", verb, number, *WHY)
