import asyncio
import difflib
import time

import pytest

from gateway.inflight.library import load_library
from gateway.operators.rehearsal.clock import (
    MOMENT_MS,
    NOW_KEY,
    ClockNotFound,
    RehearsedLoop,
    to_moment,
    with_rehearsed_clock,
)


def test_one_place_of_the_functions_is_replaced_and_nothing_else() -> None:
    source = load_library().source

    changed = with_rehearsed_clock(source)

    hunks = [
        block
        for block in difflib.SequenceMatcher(None, source.splitlines(), changed.splitlines()).get_opcodes()
        if block[0] != "equal"
    ]
    assert len(hunks) == 1
    _, first, last, _, _ = hunks[0]
    assert [line.strip() for line in source.splitlines()[first:last]] == [
        "local time = redis.call('TIME')",
        "return time[1] * 1000 + math.floor(time[2] / 1000)",
    ]
    assert changed.count(NOW_KEY) == 1


def test_only_a_fencing_token_still_reads_the_clock_of_the_machine() -> None:
    changed = with_rehearsed_clock(load_library().source)

    reading = [line for line in changed.splitlines() if "'TIME'" in line]

    assert len(reading) == 1
    assert changed.split(reading[0])[1].lstrip().startswith("local fence = math.max(")


@pytest.mark.parametrize("times", [0, 2])
def test_a_clock_that_is_not_in_one_place_stops_the_rehearsal(times: int) -> None:
    clock = load_library().source.split("local function time_ms()")[1].split("end\n")[0]
    whole = f"local function time_ms(){clock}end\n"

    with pytest.raises(ClockNotFound):
        with_rehearsed_clock(whole * times)


@pytest.mark.parametrize(("given", "expected"), [(0, 0), (24, 0), (26, 50), (1_000, 1_000), (1_049, 1_050)])
def test_somebody_is_on_time_at_the_nearest_moment(given: int, expected: int) -> None:
    assert MOMENT_MS == 50
    assert to_moment(given) == expected


def test_a_day_passes_in_no_time_and_everybody_is_on_time() -> None:
    woken = []

    async def sleep(seconds: int) -> None:
        await asyncio.sleep(seconds)
        woken.append((seconds, loop.now_ms))

    async def day() -> None:
        await asyncio.gather(*(sleep(seconds) for seconds in (86_400, 1, 3_600, 60)))

    loop = RehearsedLoop(lambda _: False)
    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(day())

    assert woken == [(seconds, seconds * 1000) for seconds in (1, 60, 3_600, 86_400)]
    assert time.monotonic() - began < 86_400


def test_what_was_put_off_is_done_before_time_goes_on() -> None:
    put_off, done = [1, 2], []

    def finish_moment(now_ms: int) -> bool:
        if not put_off:
            return False
        done.append((put_off.pop(), now_ms))
        return True

    async def sleep() -> None:
        await asyncio.sleep(1)
        assert len(done) == 2

    loop = RehearsedLoop(finish_moment)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(sleep())

    assert done == [(2, 0), (1, 0)]


def test_waiting_for_nobody_is_an_error_and_not_for_ever() -> None:
    loop = RehearsedLoop(lambda _: False)

    async def wait() -> None:
        await loop.create_future()

    # Asked once more while it winds up, it has nothing to wait for either.
    with pytest.raises(RuntimeError, match="nobody will ever"):
        loop.run_until_complete(wait())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.close()
