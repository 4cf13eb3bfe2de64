import pytest

from workers.systems.budget import FEWEST_CALLS, HALF_SECONDS, Budget


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(clock)


def call(budget: Budget, count: int, *, failed: int = 0, is_repeat: bool = False) -> None:
    for at in range(count):
        budget.note_call(is_repeat=is_repeat)
        if at < failed:
            budget.note_failed()


def repeats_let_through(budget: Budget, most: int) -> int:
    """Repeats that fail again, one after the other."""
    count = 0
    while count < most and budget.may_repeat():
        call(budget, 1, failed=1, is_repeat=True)
        count += 1
    return count


def test_while_a_system_fails_one_call_in_ten_may_be_repeated(budget: Budget) -> None:
    call(budget, 200, failed=200)

    assert repeats_let_through(budget, 200) == 20


def test_while_a_system_works_every_call_that_failed_may_be_repeated(budget: Budget) -> None:
    call(budget, 1_000, failed=50)

    assert repeats_let_through(budget, 50) == 50


def test_few_calls_are_no_load(budget: Budget) -> None:
    call(budget, 1, failed=1)

    assert repeats_let_through(budget, FEWEST_CALLS) == FEWEST_CALLS - 1


def test_a_failure_is_forgotten_after_a_while(budget: Budget, clock: Clock) -> None:
    call(budget, 200, failed=200)
    repeats_let_through(budget, 200)
    clock.seconds += HALF_SECONDS
    assert not budget.may_repeat()

    clock.seconds += HALF_SECONDS

    assert budget.may_repeat()


def test_a_system_that_came_back_is_judged_anew(budget: Budget) -> None:
    call(budget, 200, failed=200)
    repeats_let_through(budget, 200)

    budget.forget()

    assert budget.may_repeat()
