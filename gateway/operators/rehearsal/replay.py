"""A recorded day played again: the same people, the same functions, other limits."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress

from gateway.domain.controls import Value, check, steered
from gateway.inflight.admission import AdmissionDesk
from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import Summary, tick
from gateway.inflight.steering import change_controls
from gateway.operators.rehearsal.board import TICK_MS, Board
from gateway.operators.rehearsal.clock import RehearsedLoop
from gateway.operators.rehearsal.completing import complete
from gateway.operators.rehearsal.confirming import be_served, confirm_phone
from gateway.operators.rehearsal.entering import application_of, enter
from gateway.operators.rehearsal.figures import Figures, Tally, figures_of
from gateway.operators.rehearsal.recording import Arrival, Header, Recording
from gateway.operators.rehearsal.rules import admission_rules, confirmation_rules, room_rules
from gateway.operators.rehearsal.server import private_valkey
from gateway.operators.rehearsal.stage import Over, Stage, pause
from gateway.operators.rehearsal.wire import RehearsedStore, Wire

# Whoever was too slow for a lease begins anew, but not for ever.
_MOST_STARTS = 3

# After the last arrival it goes on for so long: nobody waits at the door for more than a day.
_MOST_DRAIN_SECONDS = 24 * 3_600


def replay(recording: Recording, changes: Mapping[str, Value], seed: int) -> Figures:
    """Play it with these changes to what was in force; the same seed gives the same figures.

    Call it from the main thread, outside of any event loop. Raises UnknownControl, OutOfRange,
    MessageMissing, RecordingError, NoServer, ClockNotFound.
    """
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated, not a secret.
    header, arrivals = recording.header, complete(recording.arrivals, rng)
    check(header.programme, changes)
    programme, code = header.programme, header.programme.code
    with private_valkey() as socket, Wire(socket) as wire:
        loop = RehearsedLoop(wire.finish_moment)
        store = RehearsedStore(socket, wire)
        stage = Stage(
            programme=code,
            store=store,
            desk=AdmissionDesk(store, code, admission_rules(programme, header.limit)),
            rules=confirmation_rules(programme, header.limit),
            board=Board(loop, steered(programme, changes).calls_per_second, rng),
            loop=loop,
            rng=rng,
            tally=Tally(),
        )
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            is_drained = runner.run(_play(stage, header, changes, arrivals))
    drain_ms = max(stage.board.last_busy_ms - arrivals[-1].at_ms, 0) if is_drained else None
    return figures_of(stage.tally, stage.board, drain_ms)


async def _play(
    stage: Stage, header: Header, changes: Mapping[str, Value], arrivals: Sequence[Arrival]
) -> bool:
    """Tell whether nobody was waiting or in process at the end."""
    await _tick(stage, header)
    await change_controls(stage.store, header.programme, changes, {})
    stage.board.note(await _tick(stage, header))
    async with asyncio.TaskGroup() as group:
        gateway = group.create_task(_serve(stage, header))
        with suppress(TimeoutError):
            async with asyncio.timeout_at(arrivals[-1].at_ms / 1000 + _MOST_DRAIN_SECONDS):
                await _visit_all(stage, arrivals)
                while stage.board.is_busy:
                    await pause(TICK_MS)
        gateway.cancel()
    return not stage.board.is_busy


async def _serve(stage: Stage, header: Header) -> None:
    """Do what each gateway does once a second."""
    while True:
        await pause(TICK_MS)
        stage.board.note(await _tick(stage, header))


async def _tick(stage: Stage, header: Header) -> Summary:
    return await tick(stage.store, stage.programme, header.limit, KEPT_MS, room_rules(header.programme))


async def _visit_all(stage: Stage, arrivals: Sequence[Arrival]) -> None:
    """Return when the last visitor has gone."""
    async with asyncio.TaskGroup() as visitors:
        for number, arrival in enumerate(arrivals):
            await pause(max(arrival.at_ms - stage.loop.now_ms, 0))
            visitors.create_task(_visit(stage, arrival, number * _MOST_STARTS))


async def _visit(stage: Stage, arrival: Arrival, number: int) -> None:
    tally = stage.tally
    tally.visits += 1
    with suppress(Over):
        for start in range(_MOST_STARTS):
            application = application_of(stage.programme, arrival, number + start)
            waited_ms = await enter(stage, arrival, application)
            if start == 0:
                tally.let_in += 1
                tally.waits_ms += [] if waited_ms is None else [waited_ms]
            if await confirm_phone(stage, arrival, application.id):
                await be_served(stage, arrival, application.id)
                return
            tally.lapsed += 1
