import random

import pytest

from gateway.operators.rehearsal.completing import complete
from gateway.operators.rehearsal.recording import Arrival, Reached, RecordingError
from tests.unit.operators.rehearsal.days import served


def test_whoever_did_not_get_in_does_what_somebody_did_who_did() -> None:
    turned_away = Arrival(at_ms=5, person=7, comes_back=True)

    _, found = complete([served(0, 0, codes=2, is_refused=True), turned_away], random.Random(1))

    assert (found.at_ms, found.person) == (5, 7)
    assert found.reached is Reached.CODE
    assert (found.phone_ms, found.code_ms, found.service_ms) == (1_000, 2_000, 2_000)
    assert (found.codes, found.is_refused) == (2, True)


def test_what_was_seen_stays_as_it_was_seen() -> None:
    seen = served(0, 0, comes_back=False, claim_ms=9, phone_ms=1, code_ms=2, service_ms=3)

    others = [served(0, n, comes_back=True, claim_ms=5) for n in range(1, 9)]

    assert complete([*others, seen], random.Random(1))[-1] == seen


def test_what_is_unknown_of_all_is_taken_as_usual() -> None:
    [found] = complete([served(0, 0)], random.Random(1))

    assert found.comes_back is True
    assert found.claim_ms == 1_000


def test_a_share_of_those_who_go_away_is_kept() -> None:
    known = [served(n, n, comes_back=bool(n % 4)) for n in range(400)]
    unknown = [served(1_000 + n, 1_000 + n) for n in range(4_000)]

    found = complete([*known, *unknown], random.Random(1))[400:]

    assert sum(not one.comes_back for one in found) / len(found) == pytest.approx(0.25, abs=0.05)


def test_a_day_on_which_nobody_was_served_says_nothing() -> None:
    with pytest.raises(RecordingError, match="nobody was served"):
        complete([served(0, 0, service_ms=None), Arrival(at_ms=1, person=1)], random.Random(1))
