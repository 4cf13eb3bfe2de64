from typing import Any

import pytest

from gateway.domain.controls import (
    Kind,
    Mode,
    OutOfRange,
    UnknownControl,
    Value,
    check,
    controls_of,
    read_values,
    steered,
    write_value,
)
from gateway.domain.programme import Programme


def test_every_control_of_the_issue_is_there_with_the_files_value(p42500: Programme) -> None:
    controls = controls_of(p42500)

    limited = ("address", "person", "phone", "block", "code_address")
    parts = ("count", "window_seconds", "shadow")
    assert set(controls) == {
        "limit", "mode", "message_kk", "message_ru", "message_en", "inlet_per_second", "codes_per_day",
        "lease_before_phone_seconds", "lease_after_code_seconds", "unconfirmed_share_percent",
        "claim_window_seconds", "front_row_window_seconds", "calls_per_second",
        *(f"{name}_{part}" for name in limited for part in parts),
        *(f"conversion_{part}" for part in ("codes", "least_percent", "trickle", "shadow")),
        *(f"category_{name}_open" for name in p42500.categories),
    }  # fmt: skip
    assert controls["limit"].default == 25_000
    assert controls["mode"].default == Mode.OPEN
    assert controls["block_window_seconds"].default == 3_600
    assert controls["phone_shadow"].default is False
    assert controls["category_single_aggregate_payer_open"].default is False


def test_what_the_file_says_is_in_range(p42500: Programme) -> None:
    defaults = {name: control.default for name, control in controls_of(p42500).items()}

    check(p42500, defaults)

    assert steered(p42500, defaults) == p42500


def test_whatever_is_set_holds_in_the_programme_and_nothing_else_does(p42500: Programme) -> None:
    for name, control in controls_of(p42500).items():
        if name in {"limit", "mode"} or control.kind is Kind.TEXT:
            continue
        value = not control.default if control.kind is Kind.BOOLEAN else control.highest
        assert value is not None
        after = steered(p42500, {name: value})
        moved = {
            other
            for other, one in controls_of(after).items()
            if one.default != controls_of(p42500)[other].default
        }
        assert moved <= {name}
        assert controls_of(after)[name].default == value


@pytest.mark.parametrize("end", ["lowest", "highest"])
def test_each_end_of_a_range_is_allowed_and_nothing_beyond(p42500: Programme, end: str) -> None:
    step = -1 if end == "lowest" else 1
    for name, control in controls_of(p42500).items():
        bound = getattr(control, end)
        if control.kind is Kind.INTEGER:
            check(p42500, {name: bound})
            with pytest.raises(OutOfRange) as refused:
                check(p42500, {name: bound + step})
            assert (refused.value.lowest, refused.value.highest) == (control.lowest, control.highest)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", True),
        ("limit", "many"),
        ("limit", 1.5),
        ("address_shadow", 1),
        ("category_entrepreneur_open", "true"),
        ("mode", "ajar"),
        ("mode", True),
        ("message_kk", "а" * 501),
        ("message_kk", 1),
    ],
)
def test_a_value_of_another_kind_is_refused(p42500: Programme, name: str, value: Any) -> None:
    with pytest.raises(OutOfRange) as refused:
        check(p42500, {name: value})
    assert refused.value.name == name
    assert str(refused.value).startswith(name)


def test_an_unknown_control_is_refused(p42500: Programme) -> None:
    with pytest.raises(UnknownControl):
        check(p42500, {"category_no_such_open": True})


@pytest.mark.parametrize("value", [0, 25_000, True, False, "drain", "Қабылдау ертең жалғасады."])
def test_a_value_is_read_back_as_it_was_written(p42500: Programme, value: Value) -> None:
    names: dict[type, str] = {int: "limit", bool: "address_shadow", str: "message_kk"}
    name = names[type(value)]

    assert read_values(p42500, {name: write_value(value)}) == {name: value}


def test_what_this_version_does_not_know_or_allow_is_left_out(p42500: Programme) -> None:
    texts = {"version": "7", "category_gone_open": "1", "calls_per_second": "0", "inlet_per_second": "5"}

    assert read_values(p42500, texts) == {"inlet_per_second": 5}


@pytest.mark.parametrize(
    ("mode", "calls", "gives_tickets"),
    [
        (Mode.OPEN, True, True),
        (Mode.LINE_FOR_ALL, True, True),
        (Mode.HOLD, False, True),
        (Mode.DRAIN, False, False),
        (Mode.CLOSED, False, False),
    ],
)
def test_each_mode_lets_less_happen_than_the_one_before(
    mode: Mode, *, calls: bool, gives_tickets: bool
) -> None:
    assert (mode.calls, mode.gives_tickets) == (calls, gives_tickets)
