"""What an operator changes while people are at the door."""

import secrets
from collections.abc import Mapping

from msgspec import Struct

from gateway.domain.controls import Value, check, controls_of, read_value, read_values, write_value
from gateway.domain.programme import Programme
from gateway.inflight.store import Store


class ControlsChanged(Exception):
    """Somebody was faster: `current` has what is in force of each that was to be changed."""

    def __init__(self, current: dict[str, Value]) -> None:
        super().__init__(", ".join(f"{name} is {value} by now" for name, value in current.items()))
        self.current = current


class MessageMissing(Exception):
    """In hold, drain and closed people are told why, in three languages."""

    def __init__(self) -> None:
        super().__init__("this mode needs message_kk, message_ru and message_en")


class NotServed(Exception):
    """No gateway has served this programme from this Redis yet."""

    def __init__(self) -> None:
        super().__init__("no gateway has served this programme yet")


class Controls(Struct, frozen=True):
    """`values`: what is in force of each control; `overridden`: those that are not as the file has them."""

    version: int
    values: dict[str, Value]
    overridden: frozenset[str]


async def change_controls(
    store: Store,
    programme: Programme,
    changes: Mapping[str, Value | None],
    expected: Mapping[str, Value],
) -> dict[str, Value]:
    """Set all of `changes` if all that is `expected` of them still holds, and return the old values.

    None: back to what the file has. It holds from the next call of any process on; windows and the speed of
    calling from the next tick. Raises UnknownControl, OutOfRange, ControlsChanged, MessageMissing, NotServed,
    StoreUnavailable.
    """
    check(programme, changes)
    known = controls_of(programme)
    items = [
        text
        for name, value in changes.items()
        for text in (name, write_value(known[name].default), _marked(expected.get(name)), _marked(value))
    ]
    outcome, *texts = await store.call("change_controls", programme.code, items, call=secrets.token_hex(8))
    values = {
        name: read_value(known[name], text.decode()) for name, text in zip(changes, texts, strict=False)
    }
    match outcome:
        case 0:
            return values
        case 1:
            raise ControlsChanged(values)
        case 3:
            raise MessageMissing
    raise NotServed


async def read_controls(store: Store, programme: Programme) -> Controls:
    """Raises NotServed, StoreUnavailable."""
    reply = await store.call("read_controls", programme.code)
    if not reply:
        raise NotServed
    limit, mode, listed = reply
    texts = texts_of(listed)
    own = read_values(programme, texts)
    defaults = {name: control.default for name, control in controls_of(programme).items()}
    in_door: dict[str, Value] = {"limit": int(limit), "mode": mode.decode()}
    moved = {name for name, value in in_door.items() if value != defaults[name]}
    return Controls(int(texts.get("version", 0)), defaults | own | in_door, frozenset(own.keys() | moved))


def texts_of(listed: list[bytes]) -> dict[str, str]:
    """Read `name, value, name, value`, as Redis lists a hash."""
    return {name.decode(): value.decode() for name, value in zip(listed[::2], listed[1::2], strict=True)}


def _marked(value: Value | None) -> str:
    return "" if value is None else f"={write_value(value)}"
