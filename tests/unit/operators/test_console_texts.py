"""The console has words in three languages for whatever the API may say."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.settings import CONFIG_DIR
from gateway.domain.controls import Mode, Value, controls_of
from gateway.domain.programme import load_programme
from gateway.http.refusals import ProblemCode
from gateway.inflight.figures import QUEUES
from gateway.operators.previewing import Effect, preview
from gateway.operators.sampling import Reading, Sample
from gateway.operators.states import Around, State, state_of
from gateway.register.tokens import Role
from tests.unit.operators.figures_of import figures
from workers.systems.errors import System

CONSOLE = Path(__file__).parents[3] / "gateway" / "operators" / "console"
PROGRAMME = load_programme(CONFIG_DIR / "programmes" / "42500.toml")
IN_FORCE = {name: control.default for name, control in controls_of(PROGRAMME).items()}

# A key, and its texts as JSON has them too.
_ENTRY = re.compile(r'^  "([\w.]+)": (\[.*?\]),$', re.MULTILINE | re.DOTALL)
_FIGURE = re.compile(r"\{(\w+)\}")

OUTCOMES = ("requested", "planned", "done", "changed", "refused", "unknown", "missed")
ACTIONS = (
    *("change", "rollback", "cancel_plan", "log_in", "log_out", "create_token", "revoke_token"),
    *(
        "find_person",
        "open_case",
        "retry_case",
        "uphold_case",
        "refuse_case",
        "replay_dead_letters",
        "recover",
    ),
    *("add_key", "rotate_keys", "activate_key"),
)
STATES = ("up", "slow", "down", "unknown")


@pytest.fixture(scope="module")
def texts() -> dict[str, list[str]]:
    written = "".join(path.read_text() for path in CONSOLE.glob("texts*.js"))
    return {key: json.loads(values) for key, values in _ENTRY.findall(written)}


def state() -> State:
    full = figures(live=25_000, limit=25_000, minted=900)
    return state_of(Reading(0, "42500", full), Sample(""), Around())


def effects_of_everything(at: State | None, samples: list[Sample]) -> list[Effect]:
    """Whatever a preview may tell, measured or not."""
    switched = {name: not value for name, value in IN_FORCE.items() if name.startswith("category_")}
    steps: list[tuple[Mapping[str, Value], Mapping[str, Value | None]]] = [
        (IN_FORCE, {"limit": 18_000}),
        (IN_FORCE, {"limit": 30_000}),
        (IN_FORCE, {"inlet_per_second": 10}),
        (IN_FORCE | {"inlet_per_second": 10}, {"inlet_per_second": 0}),
        (IN_FORCE, switched),
        (IN_FORCE | {"mode": "hold"}, {"mode": "open"}),
        *((IN_FORCE, {"mode": mode.value}) for mode in Mode),
    ]
    return [
        effect for in_force, changes in steps for effect in preview(PROGRAMME, in_force, changes, at, samples)
    ]


def test_every_text_is_there_in_three_languages_and_fills_in_the_same(texts: dict[str, list[str]]) -> None:
    assert len(texts) > 200
    for key, (kk, ru, en) in texts.items():
        assert kk, key
        assert set(_FIGURE.findall(kk)) == set(_FIGURE.findall(ru)) == set(_FIGURE.findall(en)), key


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("mode", [mode.value for mode in Mode]),
        ("mode_about", [mode.value for mode in Mode]),
        ("category", list(PROGRAMME.categories)),
        ("refusal", [code.value for code in ProblemCode]),
        ("queue", list(QUEUES)),
        ("system", [system.value for system in System]),
        ("system_state", list(STATES)),
        ("role", [role.value for role in Role]),
        ("outcome", list(OUTCOMES)),
        ("action", list(ACTIONS)),
    ],
)
def test_every_code_has_a_name(texts: dict[str, list[str]], kind: str, codes: list[str]) -> None:
    assert [code for code in codes if f"{kind}.{code}" not in texts] == []


def test_every_control_has_a_name(texts: dict[str, list[str]]) -> None:
    limited = re.compile("(address|person|phone|block|code_address)_(count|window_seconds|shadow)")
    category = re.compile("category_(.+)_open")
    for name in controls_of(PROGRAMME):
        if of_limit := limited.fullmatch(name):
            assert {f"group.{of_limit[1]}", f"control.{of_limit[2]}"} <= texts.keys()
        elif of_category := category.fullmatch(name):
            assert f"category.{of_category[1]}" in texts
        else:
            assert f"control.{name}" in texts


@pytest.mark.parametrize("is_measured", [True, False])
def test_every_effect_of_a_change_is_told_in_words(texts: dict[str, list[str]], *, is_measured: bool) -> None:
    steady = [Sample("", live=25_000, limit=25_000, admissions=50.0)] * 60
    effects = effects_of_everything(state(), steady) if is_measured else effects_of_everything(None, [])

    assert {f"mode_{mode}" for mode in Mode} <= {effect["code"] for effect in effects}
    for effect in effects:
        [kk, *_] = texts[f"effect.{effect['code']}"]
        assert set(_FIGURE.findall(kk)) <= effect.keys()


def test_what_is_not_measured_yet_is_left_out_of_what_a_change_will_do(texts: dict[str, list[str]]) -> None:
    for effect in effects_of_everything(state(), []):
        keys = (f"effect.{effect['code']}.unmeasured", f"effect.{effect['code']}")
        if None in effect.values():
            [kk, *_] = next(texts[key] for key in keys if key in texts)
            assert [name for name in _FIGURE.findall(kk) if effect[name] is None] == []
