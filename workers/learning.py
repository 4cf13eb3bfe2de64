"""What the workers of a programme learn of state systems from each other, second by second."""

import asyncio
import time

import structlog

from gateway.inflight.breakers import Breaker, tell_breakers
from gateway.inflight.carriers import YOUNGEST_MS, Carried, read_carried
from gateway.inflight.outbox import note_sms_result
from workers.steps.retrying import where
from workers.tools import Tools

log = structlog.get_logger()

EVERY_SECONDS = 1.0

# Codes take minutes to come back, so this is soon enough.
LISTEN_EVERY_SECONDS = 5.0

# Of a hundred codes that arrive some seventy come back. Fewer than a quarter, of so many, is no chance.
FEWEST_CODES = 20
SILENT_SHARE = 0.25


async def keep_learning(tools: Tools) -> None:
    """Learn until cancelled."""
    listen_at = 0.0
    while True:
        try:
            await learn(tools)
            if time.monotonic() >= listen_at:
                listen_at = time.monotonic() + LISTEN_EVERY_SECONDS
                await listen(tools)
        except Exception as error:  # noqa: BLE001 - The next second is near, and until then all goes on as before.
            log.warning("learning_failed", error=type(error).__name__, where=where(error))
        await asyncio.sleep(EVERY_SECONDS)


async def learn(tools: Tools) -> None:
    """Tell the others what was seen, and do from now on as all do."""
    before = {gate.system: gate.state for gate in tools.gates}
    tools.gates.turn(await tell_breakers(tools.store, tools.programme.code, tools.gates.report()))
    for gate in tools.gates:
        if gate.state is not before[gate.system]:
            log.warning("breaker", system=gate.system, state=gate.state)
    if all(tools.gates[provider.system].state is Breaker.OPEN for provider in tools.sms):
        # No message is tried meanwhile, so nobody else tells the door.
        await note_sms_result(tools.store, tools.programme.code, accepted=False)


async def listen(tools: Tools) -> None:
    """Find the SMS providers that take codes and do not deliver them."""
    systems = [provider.system for provider in tools.sms]
    if len(systems) > 1:
        carried = await read_carried(tools.store, tools.programme.code, systems, YOUNGEST_MS)
        silent = frozenset(system for system in systems if is_silent(carried[system]))
        # When nobody's codes come back, it is not the provider.
        silent = silent if len(silent) < len(systems) else frozenset()
        if silent != tools.gates.silent:
            log.warning("sms_silent", systems=sorted(silent))
        tools.gates.silent = silent


def is_silent(carried: Carried) -> bool:
    return carried.sent >= FEWEST_CODES and carried.confirmed < SILENT_SHARE * carried.sent
