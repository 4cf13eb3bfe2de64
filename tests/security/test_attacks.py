"""The attacks of `make security`, small enough for every run; only that one says anything about time."""

from tests.security.guessing import attack
from tests.security.serving import Served
from tests.security.telling_apart import (
    distance,
    foreign_receipts,
    numbers,
    persons,
    persons_at_a_full_door,
)

PAIRS, FOREIGN, GUESSES = 30, 300, 480


def test_nobody_tries_more_than_five_codes(gateway: Served) -> None:
    guesser = attack(gateway, GUESSES)

    assert guesser.answers.total() == GUESSES
    assert 1 <= guesser.tried <= 5, guesser.answers
    assert guesser.answers["right"] == 0


def test_a_foreign_receipt_shows_nothing(gateway: Served) -> None:
    assert foreign_receipts(gateway, 20, FOREIGN) == {"GET": 0, "phone": 0, "confirmation": 0, "answers": 0}


def test_whoever_has_applied_is_answered_like_anybody(gateway: Served) -> None:
    assert persons(gateway, PAIRS).unlike == 0


async def test_a_number_that_exists_is_answered_like_one_that_does_not(gateway: Served) -> None:
    asking, redeeming = await numbers(gateway, PAIRS)

    assert (asking.unlike, redeeming.unlike) == (0, 0)


def test_at_a_full_door_whoever_has_applied_is_answered_like_anybody(gateway: Served) -> None:
    assert persons_at_a_full_door(gateway, PAIRS).unlike == 0


def test_the_distance_of_distributions_is_that_of_kolmogorov_and_smirnov() -> None:
    assert distance([1, 2, 3, 4], [1, 2, 3, 4]) == 0
    assert distance([1, 2, 3, 4], [5, 6, 7, 8]) == 1
    assert distance([1, 2, 3, 4], [3, 4, 5, 6]) == 0.5
    assert distance([1, 1, 1, 2], [1, 2, 2, 2]) == 0.5
