"""What an operator may change while people are at the door; a programme's file says what holds until then."""

from collections.abc import Mapping
from enum import StrEnum
from functools import reduce
from typing import TypeAlias

import msgspec
from msgspec import Struct

from gateway.domain.programme import Conversion, Leases, Limits, Programme, RateLimit, WaitingRoom
from gateway.domain.texts import Language

Value: TypeAlias = int | bool | str

# Nobody, to more than any programme has had; one more digit is a slip of the hand.
LOWEST_LIMIT, HIGHEST_LIMIT = 0, 1_000_000

# As much as is read on a phone at one look.
LONGEST_MESSAGE = 500


class Mode(StrEnum):
    """How people are let in. Those who are in go on in each of them."""

    OPEN = "open"
    # A ticket first, always: tickets are called as ever.
    LINE_FOR_ALL = "line_for_all"
    # Tickets are given and nobody is called; the called may come.
    HOLD = "hold"
    # Nor are tickets given.
    DRAIN = "drain"
    # Nor may the called come; their windows stand still.
    CLOSED = "closed"

    @property
    def calls(self) -> bool:
        return self in {Mode.OPEN, Mode.LINE_FOR_ALL}

    @property
    def gives_tickets(self) -> bool:
        return self.calls or self is Mode.HOLD


class Kind(StrEnum):
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"
    CHOICE = "choice"


class Control(Struct, frozen=True):
    """`lowest` and `highest` bound an integer, or the length of a text; `unit` is what it counts."""

    name: str
    kind: Kind
    default: Value
    unit: str | None = None
    lowest: int | None = None
    highest: int | None = None
    choices: tuple[str, ...] = ()

    def allows(self, value: Value) -> bool:
        match self.kind:
            case Kind.BOOLEAN:
                return isinstance(value, bool)
            case Kind.CHOICE:
                return value in self.choices
            case Kind.INTEGER:
                size = value if isinstance(value, int) and not isinstance(value, bool) else None
            case Kind.TEXT:
                size = len(value) if isinstance(value, str) else None
        return size is not None and (self.lowest or 0) <= size <= (self.highest or 0)


class UnknownControl(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no control {name}")
        self.name = name


class OutOfRange(ValueError):
    """`lowest` and `highest` are None where there is no range: a switch, or one of `choices`."""

    def __init__(self, control: Control) -> None:
        if control.choices:
            allowed = f"one of {', '.join(control.choices)}"
        elif control.kind is Kind.BOOLEAN:
            allowed = "true or false"
        else:
            what = "a text of" if control.kind is Kind.TEXT else "a number from"
            allowed = f"{what} {control.lowest} to {control.highest}"
        super().__init__(f"{control.name} is {allowed}")
        self.name, self.lowest, self.highest = control.name, control.lowest, control.highest
        self.choices = control.choices


_LIMITED = ("address", "person", "phone", "block", "code_address")

# Where a programme has what is steered: path, struct that knows the range, unit.
_NUMBERS: dict[str, tuple[tuple[str, ...], type[Struct], str]] = {
    "inlet_per_second": (("limits", "inlet_per_second"), Limits, "people per second"),
    **{f"{name}_count": (("limits", name, "count"), RateLimit, "requests") for name in _LIMITED},
    **{
        f"{name}_window_seconds": (("limits", name, "window_seconds"), RateLimit, "seconds")
        for name in _LIMITED
    },
    "conversion_codes": (("limits", "conversion", "codes"), Conversion, "codes"),
    "conversion_least_percent": (("limits", "conversion", "least_percent"), Conversion, "percent"),
    "conversion_trickle": (("limits", "conversion", "trickle"), Conversion, "codes"),
    "codes_per_day": (("limits", "codes_per_day"), Limits, "codes per day"),
    "lease_before_phone_seconds": (("leases", "before_phone_seconds"), Leases, "seconds"),
    "lease_after_code_seconds": (("leases", "after_code_seconds"), Leases, "seconds"),
    "unconfirmed_share_percent": (("leases", "unconfirmed_share_percent"), Leases, "percent"),
    "claim_window_seconds": (("waiting_room", "claim_window_seconds"), WaitingRoom, "seconds"),
    "front_row_window_seconds": (("waiting_room", "front_row_window_seconds"), WaitingRoom, "seconds"),
    "calls_per_second": (("waiting_room", "calls_per_second"), WaitingRoom, "people per second"),
}


def controls_of(programme: Programme) -> dict[str, Control]:
    """Return every control by name, with what the file says as its default; categories have one each."""
    modes, texts = tuple(map(str, Mode)), [f"message_{language}" for language in Language]
    found = [
        Control("limit", Kind.INTEGER, programme.slots, "slots", LOWEST_LIMIT, HIGHEST_LIMIT),
        Control("mode", Kind.CHOICE, Mode.OPEN.value, choices=modes),
        *(Control(name, Kind.TEXT, "", "characters", 0, LONGEST_MESSAGE) for name in texts),
    ]
    for name, (path, struct, unit) in _NUMBERS.items():
        found.append(Control(name, Kind.INTEGER, _at(programme, path), unit, *_range(struct, path[-1])))
    for name, path in _switches(programme).items():
        found.append(Control(name, Kind.BOOLEAN, _at(programme, path)))
    return {control.name: control for control in found}


def check(programme: Programme, changes: Mapping[str, Value | None]) -> None:
    """Raise UnknownControl or OutOfRange; None means: as the file has it."""
    known = controls_of(programme)
    for name, value in changes.items():
        if name not in known:
            raise UnknownControl(name)
        if value is not None and not known[name].allows(value):
            raise OutOfRange(known[name])


def steered(programme: Programme, values: Mapping[str, Value]) -> Programme:
    """Return the programme as if its file said so. Limit, mode and messages are no part of it."""
    table = msgspec.to_builtins(programme)
    paths = {name: path for name, (path, _, _) in _NUMBERS.items()} | _switches(programme)
    for name in paths.keys() & values.keys():
        *parents, last = paths[name]
        reduce(dict.__getitem__, parents, table)[last] = values[name]
    return msgspec.convert(table, Programme)


def write_value(value: Value) -> str:
    """Write it as it lies in Redis."""
    return str(int(value)) if isinstance(value, int) else value.strip()


def read_value(control: Control, text: str) -> Value:
    match control.kind:
        case Kind.INTEGER:
            return int(text)
        case Kind.BOOLEAN:
            return text == "1"
    return text


def read_values(programme: Programme, texts: Mapping[str, str]) -> dict[str, Value]:
    """Read what lies in Redis; what another version or an older file had there is left out."""
    known = controls_of(programme)
    found = {name: read_value(known[name], text) for name, text in texts.items() if name in known}
    return {name: value for name, value in found.items() if known[name].allows(value)}


def _switches(programme: Programme) -> dict[str, tuple[str, ...]]:
    return {
        **{f"{name}_shadow": ("limits", name, "shadow") for name in (*_LIMITED, "conversion")},
        **{f"category_{name}_open": ("categories", name, "open") for name in programme.categories},
    }


def _at(programme: Programme, path: tuple[str, ...]) -> Value:
    found: Value = reduce(_step, path, programme)  # type: ignore[arg-type, assignment]  # A path ends at a value.
    return found


def _step(place: object, name: str) -> object:
    return place[name] if isinstance(place, dict) else getattr(place, name)


def _range(struct: type[Struct], field: str) -> tuple[int | None, int | None]:
    """As the type of the field has it, so that file and operator are held to the same."""
    types = {one.name: one.type for one in msgspec.inspect.type_info(struct).fields}  # type: ignore[attr-defined]  # It is a StructType.
    return types[field].ge, types[field].le
