# ruff: noqa: SLF001 - What is broken is not asked.
"""The ways in which the system is broken: what each does to which module of the product.

Modules arrive as they were imported in the broken process: nothing of the product is imported here.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

Break = Callable[[Any], None]
LuaEdit = tuple[str, str]

# A part of all ids, always the same.
_UNLUCKY = frozenset("abcdefgh")

_LIBRARY = "gateway.inflight.library"

# Verbs that serve applicants, and by that move the service clock.
_SERVING = frozenset({"admit", "tick", "phone", "confirm"})
_OUTAGE_BEGINS_SECONDS, _OUTAGE_ENDS_SECONDS = 3.0, 7.5

# Long enough that several people come between counting and taking.
_BETWEEN_SECONDS = 0.3

_BACK_OF_LINE = 5

LUA: Mapping[str, LuaEdit] = {
    "limit_off_by_one": (
        "door.live + spoken_for < room.limit and",
        # Without slots, as in the probe's programme, the service would not even say that it is ready.
        "door.live + spoken_for < room.limit + math.min(room.limit, 1) and",
    ),
    "count_then_take": (
        "live = live_count(tag, svc), unconfirmed = 0",
        "live = tonumber(redis.call('GET', tag .. 'counted:' .. items[1].id)) or 0, unconfirmed = 0",
    ),
    "called_from_the_back": (
        "elseif n > room['c' .. lane] then",
        f"elseif n > room['c' .. lane] and n <= room['m' .. lane] - {_BACK_OF_LINE} then",
    ),
    "slot_never_released": (
        "if marker == 'keep' then\n    redis.call('ZREM', tag .. 'slots', person)",
        "if marker == 'keep' then",
    ),
    "slot_released_at_confirmation": (
        "case.person, svc) then\n    redis.call('ZADD', tag .. 'slots', int(NEVER), case.person)",
        "case.person, svc) then\n    redis.call('ZREM', tag .. 'slots', case.person)",
    ),
    "forgotten_after_202": (
        "return {0, door.expires}",
        (
            "if string.find(item.id, '[a-h]$') then redis.call('DEL', tag .. 'case:' .. item.id) end\n"
            "  return {0, door.expires}"
        ),
    ),
    "person_accepted_twice": (
        "elseif winner or redis.call('HEXISTS', tag .. 'contested:'",
        "elseif redis.call('HEXISTS', tag .. 'contested:'",
    ),
    "clock_runs_through_outages": (
        "math.min(math.max(raw - (tonumber(seen[3]) or raw), 0), LONGEST_GAP_MS)",
        "math.max(raw - (tonumber(seen[3]) or raw), 0)",
    ),
    "window_closed_early": ("tonumber(deadline) > svc then", "tonumber(deadline) > svc + 2000 then"),
    "rate_limit_never_expires": ("redis.call('PEXPIRE', limit.now, int(3 * limit.kept_ms))", ""),
}


def _edited(old: str, new: str) -> Break:
    """Replace a text that stands in the functions of Redis once."""

    def break_library(library: Any) -> None:
        load = library.load_library

        @cache
        def load_edited() -> Any:
            whole = load()
            if whole.source.count(old) != 1:
                raise AssertionError(f"the functions do not have it once: {old}")
            return library.Library(whole.source.replace(old, new), whole.verbs)

        library.load_library = load_edited

    return break_library


def _count_in_a_call_of_its_own(store: Any) -> None:
    call = store.Store.call

    async def counted(
        self: Any, verb: str, programme: str, items: Iterable[object] = (), **values: object
    ) -> Any:
        if verb == "admit":
            tag = f"{{{programme}}}:"
            service_ms = int(await self.redis.hget(f"{tag}door", "svc") or 0)
            live = await self.redis.zcount(f"{tag}slots", f"({service_ms}", "+inf")
            await asyncio.sleep(_BETWEEN_SECONDS)
            items = list(items)
            await self.redis.set(f"{tag}counted:{items[0]}", live)
        return await call(self, verb, programme, items, **values)

    store.Store.call = counted


def _hang_for_a_while(store: Any) -> None:
    """An outage of the gateway, some seconds after the first application."""
    call, began = store.Store.call, list[float]()

    async def hanging(
        self: Any, verb: str, programme: str, items: Iterable[object] = (), **values: object
    ) -> Any:
        if verb == "admit" and programme.isdigit() and not began:
            began.append(time.monotonic())
        if verb in _SERVING and began and time.monotonic() > began[0] + _OUTAGE_BEGINS_SECONDS:
            await asyncio.sleep(max(began[0] + _OUTAGE_ENDS_SECONDS - time.monotonic(), 0))
        return await call(self, verb, programme, items, **values)

    store.Store.call = hanging


def _show_the_back_as_called(waiting: Any) -> None:
    stand = waiting.stand

    def stand_at_the_back(place: Any, line: Any, front_row: Any) -> Any:
        lane = front_row if place.lane else line
        if place.number > max(lane.called, lane.minted - _BACK_OF_LINE):
            return waiting.Standing(waiting.Stand.CALLED)
        return stand(place, line, front_row)

    waiting.stand = stand_at_the_back


def _say_accepted_without_asking(confirmation: Any) -> None:
    confirm = confirmation.confirm

    async def promise(store: Any, programme: str, rules: Any, application: tuple[str, str], code: str) -> Any:
        if application[0][-1] in _UNLUCKY:
            return confirmation.ConfirmAnswer(confirmation.ConfirmOutcome.ACCEPTED)
        return await confirm(store, programme, rules, application, code)

    confirmation.confirm = promise


def _fail_now_and_then(status: Any) -> None:
    look = status.look

    async def look_or_fail(store: Any, programme: str, application_id: str) -> Any:
        if random.random() < 0.1:  # noqa: PLR2004, S311 - One in ten, by chance.
            raise RuntimeError
        return await look(store, programme, application_id)

    status.look = look_or_fail


def _store_in_the_clear(sealing: Any) -> None:
    sealing.KeyRing.seal = lambda _, plaintext, __: plaintext
    sealing.KeyRing.unseal = lambda _, sealed, __: sealed


def _forget_the_case(process_case: Any) -> None:
    process = process_case.process_case

    async def process_or_forget(ctx: dict[str, Any], application_id: str) -> None:
        if application_id[-1] not in _UNLUCKY:
            await process(ctx, application_id)

    process_case.process_case = process_or_forget


def _send_twice(e_maket: Any) -> None:
    forward = e_maket.HttpEMaket.forward

    async def forward_twice(self: Any, case: Any, token: int) -> None:
        await forward(self, case, token)
        headers = {"Idempotency-Key": f"{case.application_id}-again", "Fencing-Token": str(token)}
        await self._exchange.post(
            "/applications", e_maket.msgspec.json.encode(case), e_maket._ANSWERS, headers
        )

    e_maket.HttpEMaket.forward = forward_twice


def _send_not_all(e_maket: Any) -> None:
    forward = e_maket.HttpEMaket.forward

    async def forward_some(self: Any, case: Any, token: int) -> None:
        if case.application_id[-1] not in _UNLUCKY:
            await forward(self, case, token)

    e_maket.HttpEMaket.forward = forward_some


def _log_the_person(e_maket: Any) -> None:
    forward = e_maket.HttpEMaket.forward

    async def forward_and_tell(self: Any, case: Any, token: int) -> None:
        sys.stdout.write(json.dumps({"event": "forwarding", "iin": case.iin}) + "\n")
        await forward(self, case, token)

    e_maket.HttpEMaket.forward = forward_and_tell


def _skip_numbers(registering: Any) -> None:
    count = registering._next_sequence

    async def count_with_gaps(connection: Any, programme: str, year: int) -> int:
        sequence: int = await count(connection, programme, year)
        return sequence if sequence % 5 else await count(connection, programme, year)

    registering._next_sequence = count_with_gaps


BREAKS: Mapping[str, Mapping[str, Break]] = {
    **{name: {_LIBRARY: _edited(*edit)} for name, edit in LUA.items()},
    "count_then_take": {
        _LIBRARY: _edited(*LUA["count_then_take"]),
        "gateway.inflight.store": _count_in_a_call_of_its_own,
    },
    "called_from_the_back": {
        _LIBRARY: _edited(*LUA["called_from_the_back"]),
        "gateway.inflight.waiting": _show_the_back_as_called,
    },
    "accepted_without_asking": {"gateway.inflight.confirmation": _say_accepted_without_asking},
    "fails_now_and_then": {"gateway.inflight.status": _fail_now_and_then},
    "stored_in_the_clear": {"gateway.sealing": _store_in_the_clear},
    "case_forgotten": {"workers.steps.process_case": _forget_the_case},
    "effect_doubled": {"workers.systems.e_maket": _send_twice},
    "effect_left_out": {"workers.systems.e_maket": _send_not_all},
    "person_logged": {"workers.systems.e_maket": _log_the_person},
    "number_skipped": {"gateway.register.registering": _skip_numbers},
    # Not a fault of the system: what shows one of them.
    "outage": {"gateway.inflight.store": _hang_for_a_while},
}
