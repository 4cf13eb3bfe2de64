import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import CONFIG_DIR
from gateway.domain.application import Application, check_application
from gateway.domain.identifiers import Iin
from gateway.domain.programme import load_programmes
from loadtests import people
from loadtests.surge.casting import Fate, Habit, Kind, Visit, address, cast, form, mistaken
from tests.unit.surge.people_of_a_run import PROFILE, crowd

P42500 = load_programmes(CONFIG_DIR / "programmes")["42500"]


def is_right(given_form: dict[str, str]) -> bool:
    return isinstance(check_application(given_form, P42500, "kk"), Application)


def test_without_a_mix_everybody_is_somebody_else_and_does_all_right() -> None:
    visits = crowd(100)

    assert [visit.person for visit in visits] == [visit.ordinal for visit in visits] == list(range(100))
    assert {(visit.kind, visit.fate, visit.habits, visit.is_repeat) for visit in visits} == {
        (Kind.PERSON, Fate.ASSIGNED, frozenset(), False)
    }


def test_repeats_are_visits_of_people_who_have_been_here_before() -> None:
    visits = crowd(10_000, duplicates=0.42, refused=0.1)

    fates: dict[int, Fate] = {}
    for visit in visits:
        assert (visit.person in fates) is visit.is_repeat
        assert fates.setdefault(visit.person, visit.fate) is visit.fate
    assert sum(visit.is_repeat for visit in visits) == pytest.approx(4_200, abs=250)


def test_habits_are_as_frequent_as_the_mix_says() -> None:
    visits = crowd(10_000, keyed=0.5, impatient=0.1)

    assert sum(Habit.KEYED in visit.habits for visit in visits) == pytest.approx(5_000, abs=250)
    assert sum(Habit.IMPATIENT in visit.habits for visit in visits) == pytest.approx(1_000, abs=150)
    assert not any(Habit.LEAVING in visit.habits for visit in visits)


def test_changing_one_share_leaves_everybody_else_as_they_are() -> None:
    before, after = crowd(1_000, keyed=0.5), crowd(1_000, keyed=0.5, duplicates=0.3, leaving=0.2)

    assert [Habit.KEYED in visit.habits for visit in before] == [
        Habit.KEYED in visit.habits for visit in after
    ]


def test_bots_of_every_kind_come_from_one_address_and_nobody_repeats_them() -> None:
    visits = crowd(4_000, bots=0.2, duplicates=0.5)

    bots = [visit for visit in visits if visit.kind is not Kind.PERSON]
    assert {visit.kind for visit in bots} == set(Kind) - {Kind.PERSON}
    assert len({address(visit, 4) for visit in bots}) == 1
    assert not {visit.person for visit in bots} & {visit.person for visit in visits if visit.is_repeat}


def test_people_share_addresses_by_the_carriers_measure() -> None:
    visits = crowd(1_000)

    assert len({address(visit, 1) for visit in visits}) == 1_000
    assert len({address(visit, 50) for visit in visits}) == 20


def test_people_of_another_run_are_other_people() -> None:
    one, other = crowd(1_000, duplicates=0.4), crowd(1_000, first_person=100_000, duplicates=0.4)

    assert not {visit.person for visit in one} & {visit.person for visit in other}
    assert not {visit.ordinal for visit in one} & {visit.ordinal for visit in other}


@given(person=st.integers(0, people.MOST_PEOPLE - 1), fate=st.sampled_from(Fate))
def test_every_form_is_right(person: int, fate: Fate) -> None:
    assert is_right(form(Visit(0, 0, person, fate=fate)))


@given(person=st.integers(0, people.MOST_PEOPLE - 1), seed=st.integers())
def test_every_mistake_is_one(person: int, seed: int) -> None:
    right = form(Visit(0, 0, person))

    assert not is_right(mistaken(right, random.Random(seed)))


def test_who_is_refused_or_denied_has_the_serial_that_the_stand_ins_know() -> None:
    visits = [visit for visit in crowd(2_000, refused=0.5, denied=0.5) if visit.fate is Fate.REFUSED]
    iins = [form(visit)["iin"] for visit in visits]

    assert len(set(iins)) == len(iins) > 500
    assert {iin[7:11] for iin in iins} == {"9990"}
    assert all(Iin.parse(iin).has_birth_date for iin in iins)


def test_every_process_casts_the_same_crowd() -> None:
    arrivals = [0.5, 1.5, 2.5]

    assert cast(PROFILE, arrivals, 7) == cast(PROFILE, arrivals, 7)
