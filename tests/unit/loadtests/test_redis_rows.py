import msgspec
import pytest

from gateway.inflight.library import load_library
from loadtests.bench.redis_applications import application, rules
from loadtests.bench.redis_function import PER_CALL, SLOTS, call_of_strangers
from loadtests.bench.redis_line import count_inversions

VERB = load_library().verbs["admit"]


def items(random_digits: str) -> list[dict[str, str]]:
    """Return the applications of a call as they are sent, redis-benchmark having filled in its digits."""
    words = [word.replace("__rand_int__", random_digits) for word in call_of_strangers()]
    values = words[4 + len(VERB.argv) :]
    width = len(VERB.item)
    return [dict(zip(VERB.item, values[at : at + width], strict=True)) for at in range(0, len(values), width)]


def test_a_call_carries_the_rules_of_the_programme_in_the_order_of_the_header() -> None:
    *_, door = call_of_strangers()[:4]
    expected = VERB.arguments(msgspec.structs.asdict(rules(SLOTS)))

    assert door == "{42500}:door"
    assert call_of_strangers()[4 : 4 + len(VERB.argv)] == [str(value) for value in expected]


def test_every_argument_is_as_long_as_the_gateway_sends_it() -> None:
    real = msgspec.structs.asdict(application(0))
    sent = items("001234567890")

    assert len(sent) == PER_CALL
    for one in sent:
        assert {name: len(value) for name, value in one.items()} == {
            name: len(real[name]) for name in VERB.item
        }


@pytest.mark.parametrize("name", ["id", "address", "person", "proof", "receipt_hash", "idempotency"])
def test_nobody_in_a_call_or_in_the_next_is_the_same(name: str) -> None:
    sent = [one[name] for digits in ("001234567890", "000000000001") for one in items(digits)]

    assert len(set(sent)) == 2 * PER_CALL


def test_the_same_moment_is_no_inversion() -> None:
    assert count_inversions([5, 5, 7, 7, 9]) == 0


def test_everybody_called_before_an_earlier_ticket_is_counted() -> None:
    assert count_inversions([5, 9, 7, 8, 9, 3]) == 3
