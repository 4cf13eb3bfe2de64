from collections import defaultdict

import msgspec

from gateway.domain.case import State, journal_number
from loadtests.surge.books.clients import Clients
from loadtests.surge.books.e_maket import Effect, EMaket
from loadtests.surge.books.in_flight import Case, InFlight
from loadtests.surge.books.register import Register, Row
from loadtests.surge.books.writes import Call, Writes
from loadtests.surge.checks.answers import check_answers
from loadtests.surge.checks.conservation import check_conservation
from loadtests.surge.checks.effects import check_effects
from loadtests.surge.checks.emptied import check_emptied
from loadtests.surge.checks.judged import judged, not_checked
from loadtests.surge.checks.limit import check_limit
from loadtests.surge.checks.numbers import check_numbers
from loadtests.surge.checks.order import check_order
from loadtests.surge.checks.persons import check_persons
from loadtests.surge.checks.promises import check_promises
from loadtests.surge.checks.slots import check_slots
from loadtests.surge.checks.times import check_times
from loadtests.surge.faults import Happened
from loadtests.surge.ledger import Entry, Step

SECOND_US = 1_000_000
YEAR = 2026
ALL_WAYS = {State.ACCEPTED, State.FORWARDED, State.ASSIGNED, State.DENIED, State.REFUSED}

EMPTY = InFlight(0, 0, 0, 0, 0, 0, frozenset(), {}, ())
WRITES = Writes(9, 5, 5, 10, [], [], [], [], [])


def answer(step: Step, visit: int = 0, at_seconds: float = 0.0, **more: object) -> Entry:
    at_us = int(at_seconds * SECOND_US)
    known = {"person": visit, "sent_at_us": at_us, "answered_at_us": at_us + 1_000, "status": 200}
    return Entry(visit=visit, step=step, intended_at_us=at_us, **(known | more))  # type: ignore[arg-type]  # as given


def told(*entries: Entry) -> Clients:
    clients = Clients()
    for entry in entries:
        clients.add(entry)
    return clients


def accepted(one: str, visit: int = 0) -> tuple[Entry, Entry]:
    """Let in, and confirmed."""
    return answer(Step.SUBMIT, visit, status=202, id=one), answer(Step.CONFIRM, visit, id=one)


def row(one: str, state: State = State.ASSIGNED, sequence: int = 1, person: str = "") -> Row:
    return Row(one, journal_number("42500", YEAR, sequence), YEAR, sequence, state, person or one, 0)


def register(*rows: Row, last: int | None = None) -> Register:
    known = {one.application_id: one for one in rows}
    return Register(known, defaultdict(lambda: ALL_WAYS), {YEAR: len(rows) if last is None else last})


def taken(*rows: Row, **decisions: str) -> EMaket:
    effects = (Effect(one.application_id, one.number, 1) for one in rows)
    return EMaket({effect.application_id: effect for effect in effects}, decisions)


def test_a_verdict_tells_the_first_faults_and_counts_all() -> None:
    verdict = judged("name", "none", [str(n) for n in range(12)])

    assert (verdict.held, verdict.found) == (False, "12")
    assert verdict.detail == "0; 1; 2; 3; 4; 5; 6; 7; 8; 9; and 2 more"
    assert judged("name", "none", []).held
    assert not_checked("name", "none").held


def test_the_limit_is_judged_by_both_who_count() -> None:
    in_flight = msgspec.structs.replace(EMPTY, high=5)

    assert check_limit(WRITES, in_flight).held
    assert check_limit(WRITES, in_flight).found == "5 of 10"
    assert not check_limit(WRITES, EMPTY).held
    assert not check_limit(msgspec.structs.replace(WRITES, over=["step 3: 11 of 10"]), in_flight).held


def test_a_case_without_a_slot_is_a_fault() -> None:
    assert check_slots(WRITES).held
    assert not check_slots(msgspec.structs.replace(WRITES, slotless=["a"])).held


def test_a_lease_that_lapses_before_what_was_told_is_a_fault() -> None:
    def lapsed(at_ms: int) -> InFlight:
        return msgspec.structs.replace(EMPTY, cases={"a": Case(State.LAPSED, 1_000, at_ms)})

    assert check_times(WRITES, lapsed(1_000)).held
    assert not check_times(WRITES, lapsed(999)).held
    assert not check_times(msgspec.structs.replace(WRITES, untimely=["early"]), EMPTY).held


def place(step: Step, number: int, at_seconds: float, **more: object) -> Entry:
    return answer(step, number, at_seconds, number=number, lane=0, epoch=7, **more)


def test_whoever_still_waits_long_after_somebody_behind_was_called_has_been_passed() -> None:
    called = place(Step.POLL, 5, 10, state="called")

    assert check_order(told(called, place(Step.POLL, 4, 12, state="waiting")), None).held
    assert check_order(told(called, place(Step.POLL, 6, 20, state="waiting")), None).held
    passed = check_order(told(called, place(Step.POLL, 4, 16, state="waiting")), None)
    assert passed.detail == "lane 0: 5 was called while 4 waited"


def test_redis_itself_knows_at_once_who_has_been_passed() -> None:
    let_in = place(Step.SUBMIT, 5, 10, status=202)

    assert not check_order(
        told(let_in, place(Step.SUBMIT, 4, 11, status=409, code="ticket_not_called")), None
    ).held


def test_another_line_is_another_order() -> None:
    called = place(Step.POLL, 5, 10, state="called")
    other = msgspec.structs.replace(place(Step.POLL, 4, 20, state="waiting"), epoch=8)

    assert check_order(told(called, other), None).held


def test_whoever_gets_in_was_called_by_then() -> None:
    clients = told(place(Step.SUBMIT, 5, 10, status=202))

    def called(number: int, at_ms: int) -> Writes:
        return msgspec.structs.replace(WRITES, calls=[Call(at_ms, 7, 0, number)])

    assert check_order(clients, called(5, 9_900)).held
    assert not check_order(clients, called(5, 10_900)).held
    assert not check_order(clients, called(4, 9_900)).held
    assert not check_order(clients, msgspec.structs.replace(called(5, 9_900), disorder=["back"])).held


def test_one_effect_for_each_application_and_person() -> None:
    two = row("a", person="p"), row("b", sequence=2, person="p")

    assert check_effects(taken(row("a"), row("b")), register(row("a"), row("b"))).held
    assert not check_effects(EMaket({"a": Effect("a", "1", 2)}, {}), None).held
    assert not check_effects(taken(*two), register(*two)).held
    denied = two[0]._replace(state=State.DENIED), two[1]
    assert check_effects(taken(*denied), register(*denied)).held


def test_a_person_is_accepted_once_unless_the_state_said_no() -> None:
    clients = told(*accepted("a"), *accepted("b"))
    rows = row("a"), row("b", sequence=2)

    assert check_persons(told(*accepted("a"), *accepted("b", 1)), register(*rows)).held
    assert not check_persons(clients, register(*rows)).held
    assert check_persons(clients, register(rows[0]._replace(state=State.REFUSED), rows[1])).held
    same = register(*(one._replace(person="p") for one in rows))
    assert not check_persons(told(), same).held


def test_numbers_are_without_gaps_and_the_same_in_all_books() -> None:
    rows = row("a"), row("b", sequence=2)

    def is_held(book: Register, *seen: Entry, at: tuple[Row, ...] = rows) -> bool:
        return check_numbers(told(*seen), book, taken(*at), "42500").held

    assert is_held(register(*rows), answer(Step.LOOK, id="a", journal_number="42500-2026-0000001"))
    assert not is_held(register(*rows), answer(Step.LOOK, id="a", journal_number="42500-2026-0000002"))
    assert not is_held(register(*rows), at=(row("a", sequence=2),))
    assert not is_held(register(row("a"), row("b", sequence=3), last=3))
    assert not is_held(register(row("a"), row("b")))
    assert not is_held(register(*rows, last=3))
    assert not is_held(register(row("a")._replace(number="42500-2026-0000009")))


def test_nobody_who_heard_of_success_is_lost() -> None:
    clients = told(*accepted("a"))
    known = msgspec.structs.replace(EMPTY, cases={"a": Case(State.FORWARDED, 0, None)})

    assert check_promises(clients, known, register(row("a")), SECOND_US).held
    assert not check_promises(clients, known, register(), SECOND_US).held
    only_let_in = told(answer(Step.SUBMIT, status=202, id="b"))
    assert not check_promises(only_let_in, known, register(), SECOND_US).held
    assert check_promises(only_let_in, known, register(), 4_000 * SECOND_US).held


def agree(clients: Clients, in_flight: InFlight, book: Register, e_maket: EMaket) -> str:
    return check_conservation(clients, in_flight, book, e_maket).detail


def test_books_that_agree_add_up() -> None:
    rows = row("a"), row("b", State.REFUSED, 2), row("c", State.PARKED, 3), row("d", State.VERIFYING, 4)
    in_flight = msgspec.structs.replace(EMPTY, accepted=5, active=frozenset({"d", "e"}))

    verdict = check_conservation(
        told(*accepted("a")), in_flight, register(*rows), taken(rows[0], a="assigned")
    )

    assert verdict.held
    assert verdict.found == "4 = 1 forwarded + 1 in process + 1 parked + 1 refused"


def test_each_book_that_differs_is_named() -> None:
    one = msgspec.structs.replace(EMPTY, accepted=1)
    here, away = register(row("a")), register(row("a", State.VERIFYING))
    at_work = msgspec.structs.replace(one, active=frozenset({"a"}))

    assert "nobody else" in agree(told(*accepted("b", 1)), one, here, taken(row("a")))
    assert "Redis accepted 0" in agree(told(), EMPTY, here, taken(row("a")))
    assert "not at E-Maket" in agree(told(), one, here, taken())
    assert "not forwarded" in agree(told(), one, register(row("a", State.REFUSED)), taken(row("a")))
    assert "in nobody's hands" in agree(told(), one, away, taken())
    assert "still in process" in agree(told(), at_work, here, taken(row("a")))
    assert agree(told(), at_work, away, taken(row("a"))) == ""
    assert "is lapsed" in agree(told(), one, register(row("a", State.LAPSED)), taken())
    assert "denied by E-Maket" in agree(told(), one, here, taken(row("a"), a="denied"))
    never = Register(here.rows, {"a": {State.ACCEPTED}}, here.counted)
    seen = told(answer(Step.LOOK, id="a", state="forwarded"))
    assert "never in the register" in agree(seen, one, never, taken(row("a")))


def test_errors_are_the_service_s_unless_its_gateway_was_killed() -> None:
    cut = answer(Step.SUBMIT, at_seconds=5, status=0, code="ConnectionRefused")

    assert check_answers(told(answer(Step.SUBMIT, status=503, code="full")), []).held
    assert not check_answers(told(answer(Step.LOOK, status=500, code="internal")), []).held
    assert not check_answers(told(answer(Step.LOOK, status=200, code="not_json")), []).held
    assert not check_answers(told(cut), []).held
    assert not check_answers(told(cut), [Happened(4 * SECOND_US, "kill worker")]).held
    assert not check_answers(told(cut), [Happened(4 * SECOND_US, "kill gateway", "there is none")]).held
    assert not check_answers(told(cut), [Happened(6 * SECOND_US, "kill gateway")]).held
    assert check_answers(told(cut), [Happened(4 * SECOND_US, "kill gateway")]).held


def test_whatever_is_left_behind_is_named() -> None:
    left = InFlight(9, 9, 1, 2, 3, 4, frozenset("a"), {}, ("{42500}:rate:person:1",))

    assert check_emptied(EMPTY).held
    assert check_emptied(left).detail.split("; ") == [
        "1 slots",
        "2 leases that should have lapsed",
        "1 cases in process",
        "4 jobs",
        "3 waiting",
        "1 rate limits without an end",
    ]
