from typing import Any

import pytest

from config.settings import CONFIG_DIR
from gateway.domain.controls import Mode, controls_of
from gateway.domain.programme import load_programme
from gateway.operators.previewing import Drain, Effect, measure_drain, preview
from gateway.operators.sampling import Reading, Sample
from gateway.operators.states import Around, State, state_of
from tests.unit.operators.figures_of import figures

PROGRAMME = load_programme(CONFIG_DIR / "programmes" / "42500.toml")
IN_FORCE = {name: control.default for name, control in controls_of(PROGRAMME).items()}


def sample(live: int, admissions: float | None) -> Sample:
    return Sample("2026-11-22T09:00:00.000Z", live=live, limit=25_000, admissions=admissions)


# A full door: fifty come and fifty leave in a second, so each stays for five hundred seconds.
STEADY = [sample(25_000, 50.0) for _ in range(61)]


def state(live: int = 25_000, waiting: int = 0) -> State:
    reading = Reading(0, "42500", figures(live=live, limit=25_000, minted=waiting))
    return state_of(reading, STEADY[0], Around())


def effects(
    changes: dict[str, Any], at: State | None = None, samples: list[Sample] = STEADY
) -> dict[object, Effect]:
    found = preview(PROGRAMME, IN_FORCE, changes, at or state(), samples)
    return {effect.pop("code"): effect for effect in found}


def test_what_becomes_free_is_what_came_in_less_what_is_taken_more() -> None:
    assert measure_drain(STEADY) == Drain(50.0, 500.0)
    filling = [sample(1_000 + 30 * second, 50.0) for second in range(11)]
    assert measure_drain(filling) == Drain(20.0, 57.5)


@pytest.mark.parametrize("samples", [[], STEADY[:1], [sample(25_000, None)] * 60, [sample(25_000, 0.1)] * 60])
def test_too_little_was_seen_to_tell_a_rate(samples: list[Sample]) -> None:
    assert measure_drain(samples) is None


def test_a_limit_below_what_is_taken_evicts_nobody_and_shuts_the_door_for_a_while() -> None:
    found = effects({"limit": 18_000})

    assert found["door_shut"] == {"live": 25_000, "limit": 18_000, "seconds": 140}
    assert "slots" not in found
    assert found["per_minute"] == {"before": 3_000, "after": 2_160}


def test_slots_that_are_kept_for_the_called_are_not_free() -> None:
    called = Reading(0, "42500", figures(live=24_000, limit=25_000, reserved=600))

    found = effects({"limit": 24_500}, state_of(called, STEADY[0], Around()))

    assert found["slots"] == {"before": 400, "after": 0}
    assert "door_shut" not in found


def test_a_higher_limit_lets_more_in_and_shortens_the_wait() -> None:
    found = effects({"limit": 30_000}, state(waiting=20_000))

    assert "door_shut" not in found
    assert found["slots"] == {"before": 0, "after": 5_000}
    assert found["per_minute"] == {"before": 3_000, "after": 3_600}
    assert found["eta"] == {"before_seconds": 400, "after_seconds": 250}


def test_what_was_not_measured_is_not_made_up() -> None:
    found = effects({"limit": 18_000}, samples=[])

    assert found["door_shut"]["seconds"] is None
    assert found["per_minute"] == {"before": None, "after": None}
    assert "eta" not in found


def test_a_limit_of_nobody_has_no_wait_that_ends() -> None:
    assert effects({"limit": 0}, state(waiting=100))["eta"]["after_seconds"] is None


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.OPEN])
def test_a_mode_tells_how_many_it_is_about(mode: Mode) -> None:
    found = effects({"mode": mode.value}, state(waiting=700))

    assert found[f"mode_{mode}"]["waiting"] == 700
    assert found[f"mode_{mode}"]["live"] == 25_000


def test_an_inlet_tells_how_long_the_line_takes_through_it() -> None:
    found = effects({"inlet_per_second": 10}, state(waiting=700))

    assert found["inlet"] == {"per_second": 10, "waiting": 700, "seconds": 70}


def test_without_an_inlet_only_slots_bound_the_speed() -> None:
    steered = IN_FORCE | {"inlet_per_second": 10}

    assert preview(PROGRAMME, steered, {"inlet_per_second": None}, state(), STEADY) == [{"code": "inlet_off"}]


def test_categories_tell_that_they_open_and_close() -> None:
    found = effects({"category_entrepreneur_open": False})
    assert found == {"category_closed": {"category": "entrepreneur"}}
    found = effects({"category_single_aggregate_payer_open": True})
    assert found == {"category_opened": {"category": "single_aggregate_payer"}}


def test_what_changes_nothing_has_no_effect() -> None:
    assert effects({"limit": 25_000, "mode": None}) == {}
