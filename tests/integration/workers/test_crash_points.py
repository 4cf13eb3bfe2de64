"""A worker dies at every boundary between two effects; the next one finishes, and nothing happens twice."""

import asyncio
import contextlib
import multiprocessing

import pytest

from config.settings import Settings
from gateway.domain.case import State
from gateway.inflight.confirmation import ConfirmOutcome
from gateway.inflight.outbox import code_message
from tests.integration.workers import one_case
from tests.integration.workers.one_case import DIED
from tests.integration.workers.world import FAILS, OF_OTHERS, OWNS_OTHERS, PASSES, UNKNOWN_TWICE, World

# A process that has imported everything is forked for each case, so that dying is as cheap as it should be.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([one_case.__name__])

# IIN, category, the boundaries on the way, and where the case ends.
WAYS = {
    "forwarded": (
        PASSES,
        "entrepreneur",
        [
            "taken",
            "registered",
            "advanced_from_accepted",
            "phone_checked",
            "proven",
            "verified",
            "advanced_from_verifying",
            "forwarded",
            "recorded_forwarded",
            "finished_forwarded",
        ],
        State.FORWARDED,
    ),
    "not verified": (
        PASSES,
        "single_aggregate_payer",
        [
            "taken",
            "registered",
            "advanced_from_accepted",
            "phone_checked",
            "proven",
            "advanced_from_verifying",
            "forwarded",
            "recorded_forwarded",
            "finished_forwarded",
        ],
        State.FORWARDED,
    ),
    "refused": (
        FAILS,
        "entrepreneur",
        [
            "taken",
            "registered",
            "advanced_from_accepted",
            "phone_checked",
            "proven",
            "verified",
            "recorded_refused",
            "finished_refused",
        ],
        State.REFUSED,
    ),
    "parked": (
        UNKNOWN_TWICE,
        "entrepreneur",
        [
            "taken",
            "registered",
            "advanced_from_accepted",
            "phone_checked",
            "proven",
            "verified",
            "recorded_parked",
            "finished_parked",
        ],
        State.PARKED,
    ),
    "contested": (
        OWNS_OTHERS,
        "entrepreneur",
        [
            "taken",
            "registered",
            "advanced_from_accepted",
            "phone_checked",
            "recorded_parked",
            "finished_parked",
        ],
        State.PARKED,
    ),
}
POINTS = [(way, point) for way, (_, _, points, _) in WAYS.items() for point in ["", *points]]


async def run(settings: Settings, application_id: str, verb: str, deadly: str = "") -> tuple[int, list[str]]:
    """Run a verb in its own process; its exit code and the boundaries it reached."""
    receiver, sender = PROCESSES.Pipe(duplex=False)
    arguments = (settings, sender, application_id, verb, deadly)
    process = PROCESSES.Process(target=one_case.run, args=arguments)
    process.start()
    sender.close()
    await asyncio.to_thread(process.join)
    assert process.exitcode is not None
    reached = []
    with contextlib.suppress(EOFError):
        while True:
            reached.append(receiver.recv())
    return process.exitcode, reached


@pytest.mark.parametrize(("way", "point"), POINTS)
async def test_a_case_survives_a_crash_at_every_boundary(
    world: World, settings: Settings, way: str, point: str
) -> None:
    iin, category, points, end = WAYS[way]
    one = await world.accept(iin, category)

    code, reached = await run(settings, one, "process", point)
    if point:
        assert (code, reached) == (DIED, points[: points.index(point) + 1])
        await run(settings, one, "process")
    else:
        assert (code, reached) == (0, points)

    redis_state, journal_state = await world.states(one)
    # A crash between asking and writing asks once more, and then the stand-in may know the answer.
    allowed = {end, State.FORWARDED} if way == "parked" else {end}
    assert journal_state in allowed
    assert redis_state is journal_state
    assert await world.effects() == ({one: 1} if journal_state is State.FORWARDED else {})
    assert await world.live() == 0


async def test_a_parked_case_survives_a_crash_while_it_is_let_in_again(
    world: World, settings: Settings
) -> None:
    one = await world.accept(UNKNOWN_TWICE)
    await run(settings, one, "process")

    assert await run(settings, one, "unpark", "readmitted") == (DIED, ["readmitted"])
    await run(settings, one, "process")
    assert await run(settings, one, "unpark") == (0, ["readmitted"])
    await run(settings, one, "process")

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)
    assert await world.effects() == {one: 1}
    assert await world.live() == 0


@pytest.mark.parametrize("point", ["phone_checked", "recorded_parked", "finished_parked"])
async def test_the_owner_gets_through_though_a_worker_died_with_the_strangers_case(
    world: World, settings: Settings, point: str
) -> None:
    stranger = await world.accept(OWNS_OTHERS)
    assert (await run(settings, stranger, "process", point))[0] == DIED
    own = await world.apply(OWNS_OTHERS)
    if point != "finished_parked":
        assert await world.confirm(own, OF_OTHERS) is ConfirmOutcome.IN_DOUBT
        await run(settings, stranger, "process")

    assert await world.confirm(own, OF_OTHERS) is ConfirmOutcome.ACCEPTED
    await run(settings, own, "process")

    assert await world.states(stranger) == (State.PARKED, State.PARKED)
    assert await world.effects() == {own: 1}
    assert await world.live() == 0


async def test_a_code_is_sent_once_though_its_sender_died_after_sending(
    world: World, settings: Settings
) -> None:
    one = await world.accept()
    sealed = world.tools.keyring.seal(b"\x92\xac+77011234567\xa4code", one)
    await world.tools.store.redis.set(f"{{42500}}:outbox:{one}", sealed)

    assert (await run(settings, one, "code", "code_sent"))[0] == DIED
    assert (await run(settings, one, "code"))[0] == 0

    assert await world.inbox() == ["code"]
    assert await code_message(world.tools.store, "42500", one) is None


async def test_a_notice_is_sent_once_though_its_sender_died_after_sending(
    world: World, settings: Settings
) -> None:
    one = await world.accept(FAILS)
    await world.process(one)

    assert (await run(settings, one, "notice", "notice_sent"))[0] == DIED
    assert (await run(settings, one, "notice"))[0] == 0

    assert len(await world.inbox()) == 1
    entry = await world.tools.journal.get(one)
    assert entry is not None
    assert entry.notified_at_ms is not None
