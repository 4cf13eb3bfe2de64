import asyncio
import time

import uvloop

from gateway.http.pulse import Pulse

HELD_UP_SECONDS = 0.5


def test_who_is_served_late_in_a_turn_of_the_loop_can_tell() -> None:
    pulse = Pulse()
    turns: list[float] = []

    def look() -> None:
        turns.append(pulse.turn_seconds())

    async def hold_up() -> None:
        loop = asyncio.get_running_loop()
        pulse.start()
        for step in (look, lambda: time.sleep(HELD_UP_SECONDS), look, look):
            loop.call_soon(step)
        await asyncio.sleep(0)
        # The next turn is another one.
        await asyncio.sleep(0)
        look()
        pulse.stop()

    uvloop.run(hold_up())

    early, *late, after = turns
    assert min(late) >= HELD_UP_SECONDS > max(early, after)


def test_without_a_pulse_no_turn_is_long() -> None:
    pulse = Pulse()
    assert pulse.turn_seconds() == 0

    async def start_and_stop() -> None:
        pulse.start()
        pulse.stop()

    uvloop.run(start_and_stop())
    assert pulse.turn_seconds() == 0
