from contextlib import ExitStack, suppress
from types import SimpleNamespace

import pytest

from gateway.http.crowd import WHEN_CROWDED, Crowd
from gateway.http.pulse import Pulse
from gateway.http.refusals import Limited, ProblemCode, Quota, Refusal

# Submissions in hand in a quick process, in a slow one, and in any if all had tickets.
MOST_ROOM, LEAST_ROOM, MOST_IN_HAND = 512, 64, 2_048
# An answer that takes longer is slow.
SLOW_SECONDS = 0.07
# A turn of the loop in which newcomers are too many.
LONG_TURN_SECONDS = 0.04
# And one in which looks are.
LONG_TURN_FOR_LOOKS_SECONDS = 0.03

# And so many looks at once.
MOST_LOOKING = 128

# Three at once, and one a second.
QUOTA = Quota("address", 3, 3)
HOME, OFFICE = b"home", b"offi"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("gateway.http.crowd.time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(Pulse())


def is_crowded(crowd: Crowd, *, with_ticket: bool = False) -> bool:
    try:
        crowd.check_room(with_ticket=with_ticket)
    except Refusal:
        return True
    return False


def take(crowd: Crowd, count: int) -> list[float]:
    return [crowd.take() for _ in range(count)]


def let_go(crowd: Crowd, taken: list[float]) -> None:
    for taken_at in taken:
        crowd.let_go(taken_at)


def room_of(crowd: Crowd, *, with_ticket: bool = False) -> int:
    """How many in hand make it crowded."""
    taken: list[float] = []
    while not is_crowded(crowd, with_ticket=with_ticket):
        taken.append(crowd.take())
    let_go(crowd, taken)
    return len(taken)


def answer(crowd: Crowd, clock: Clock, count: int, seconds: float) -> None:
    """Answer so many submissions, one after the other."""
    for _ in range(count):
        taken = take(crowd, 1)
        clock.seconds += seconds
        let_go(crowd, taken)


def wait_of(crowd: Crowd, client: bytes) -> int:
    """Milliseconds that a client hears to wait; 0: it is heard."""
    try:
        crowd.check_address(client, QUOTA)
    except Limited as limited:
        return int(limited.headers["RateLimit"].rpartition("t=")[2])
    return 0


def test_so_many_newcomers_are_in_hand_at_most_and_more_with_a_ticket(crowd: Crowd) -> None:
    assert room_of(crowd) == MOST_ROOM
    assert room_of(crowd, with_ticket=True) == MOST_IN_HAND


def test_where_newcomers_are_refused_a_ticket_still_gets_in(crowd: Crowd) -> None:
    take(crowd, MOST_ROOM)

    assert is_crowded(crowd)
    assert not is_crowded(crowd, with_ticket=True)


def test_whoever_is_too_many_hears_full_without_a_ticket_and_when_to_come_back(crowd: Crowd) -> None:
    take(crowd, MOST_ROOM)

    with pytest.raises(Refusal) as refused:
        crowd.check_room(with_ticket=False)

    assert (refused.value.code, refused.value.come_back) == (ProblemCode.FULL, WHEN_CROWDED)
    assert refused.value.members == {}


@pytest.mark.usefixtures("clock")
def test_newcomers_late_in_a_long_turn_of_the_loop_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = Pulse()
    crowd = Crowd(pulse)
    monkeypatch.setattr(pulse, "turn_seconds", lambda: LONG_TURN_SECONDS)
    quick = room_of(crowd)
    monkeypatch.setattr(pulse, "turn_seconds", lambda: LONG_TURN_SECONDS + 0.001)

    # A few are let in for all that: it may be others who make the turn long.
    assert (quick, room_of(crowd)) == (MOST_ROOM, LEAST_ROOM)
    assert room_of(crowd, with_ticket=True) == MOST_IN_HAND


def test_looks_leave_room_in_redis_for_those_who_apply(crowd: Crowd) -> None:
    with ExitStack() as looks:
        for _ in range(MOST_LOOKING):
            crowd.check_room_to_look()
            looks.enter_context(crowd.looking())
        with pytest.raises(Refusal):
            crowd.check_room_to_look()
        applying = is_crowded(crowd)

    crowd.check_room_to_look()
    assert not applying


def test_a_look_that_fails_is_over_as_well(crowd: Crowd) -> None:
    for _ in range(MOST_LOOKING):
        with suppress(OSError), crowd.looking():
            raise OSError

    crowd.check_room_to_look()


@pytest.mark.usefixtures("clock")
def test_looks_are_put_off_before_anybody_who_applies_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = Pulse()
    crowd = Crowd(pulse)
    monkeypatch.setattr(pulse, "turn_seconds", lambda: LONG_TURN_FOR_LOOKS_SECONDS)
    crowd.check_room_to_look()
    monkeypatch.setattr(pulse, "turn_seconds", lambda: LONG_TURN_FOR_LOOKS_SECONDS + 0.001)

    with pytest.raises(Refusal) as refused:
        crowd.check_room_to_look()

    assert (refused.value.code, refused.value.come_back) == (ProblemCode.FULL, WHEN_CROWDED)
    assert not is_crowded(crowd)


def test_what_came_all_at_once_is_refused_in_the_end(crowd: Crowd) -> None:
    taken = take(crowd, MOST_IN_HAND)

    with pytest.raises(Refusal) as refused:
        crowd.take()

    assert (refused.value.code, refused.value.come_back) == (ProblemCode.FULL, WHEN_CROWDED)
    # Whoever was refused holds no place that could be given back.
    let_go(crowd, taken)
    assert room_of(crowd, with_ticket=True) == MOST_IN_HAND


def test_slow_answers_make_the_room_smaller_but_not_without_end(crowd: Crowd, clock: Clock) -> None:
    answer(crowd, clock, 20, SLOW_SECONDS - 0.001)
    unchanged = room_of(crowd)
    answer(crowd, clock, 20, SLOW_SECONDS + 0.001)
    smaller = room_of(crowd)
    answer(crowd, clock, 1_000, SLOW_SECONDS + 0.001)

    assert unchanged == MOST_ROOM
    assert LEAST_ROOM < smaller < MOST_ROOM
    assert room_of(crowd) == LEAST_ROOM
    assert room_of(crowd, with_ticket=True) == MOST_IN_HAND


def test_quick_answers_give_the_room_back_but_not_more(crowd: Crowd, clock: Clock) -> None:
    answer(crowd, clock, 1_000, 1.0)
    answer(crowd, clock, 100, 0.0)
    growing = room_of(crowd)
    answer(crowd, clock, 10_000, 0.0)

    assert LEAST_ROOM < growing < MOST_ROOM
    assert room_of(crowd) == MOST_ROOM


def test_an_address_over_its_limit_waits_as_long_as_was_said(crowd: Crowd, clock: Clock) -> None:
    crowd.note_over_limit(HOME, QUOTA, 2_500)

    heard = []
    for _ in range(4):
        heard.append((wait_of(crowd, HOME), wait_of(crowd, OFFICE)))
        clock.seconds += 1

    # Never less than what is left, in whole seconds.
    assert heard == [(3, 0), (2, 0), (1, 0), (0, 0)]


def test_after_the_wait_one_at_a_time_is_let_through_to_redis(crowd: Crowd, clock: Clock) -> None:
    crowd.note_over_limit(HOME, QUOTA, 1_000)

    passed = []
    for _ in range(12):
        passed.append([wait_of(crowd, HOME) for _ in range(3)].count(0))
        clock.seconds += 0.25

    assert passed == [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]


def test_as_many_as_time_has_paid_for_are_let_through_at_once(crowd: Crowd, clock: Clock) -> None:
    crowd.note_over_limit(HOME, QUOTA, 1_000)
    clock.seconds += 2

    assert [wait_of(crowd, HOME) for _ in range(4)] == [0, 0, 1, 1]


def test_an_address_is_forgotten_once_all_is_paid_for(crowd: Crowd, clock: Clock) -> None:
    crowd.note_over_limit(HOME, QUOTA, 1_000)
    clock.seconds += 3

    assert [wait_of(crowd, HOME) for _ in range(9)] == [0] * 9
    # Only Redis knows how many those were.
    clock.seconds -= 3
    assert wait_of(crowd, HOME) == 0


def test_what_redis_said_last_counts(crowd: Crowd, clock: Clock) -> None:
    crowd.note_over_limit(HOME, QUOTA, 9_000)
    crowd.note_over_limit(HOME, QUOTA, 1_000)
    clock.seconds += 1

    assert wait_of(crowd, HOME) == 0


def test_the_answer_names_the_limit(crowd: Crowd) -> None:
    quota = Quota("address", 300, 10)
    crowd.note_over_limit(HOME, quota, 2_500)

    with pytest.raises(Limited) as limited:
        crowd.check_address(HOME, quota)

    assert limited.value.code is ProblemCode.RATE_LIMITED
    assert limited.value.headers["RateLimit-Policy"] == '"address";q=300;w=10'
    assert limited.value.headers["RateLimit"] == '"address";r=0;t=3'
    assert limited.value.come_back is not None
    assert limited.value.come_back.seconds == 3


def test_of_too_many_addresses_the_longest_known_are_forgotten(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.http.crowd._MOST_ADDRESSES", 2)
    for client in (HOME, OFFICE, HOME, b"club"):
        crowd.note_over_limit(client, QUOTA, 5_000)

    assert [wait_of(crowd, client) for client in (HOME, OFFICE, b"club")] == [5, 0, 5]
