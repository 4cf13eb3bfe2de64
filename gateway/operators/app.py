"""Composition root of the operators' process."""

import asyncio
import multiprocessing
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from litestar import Litestar
from litestar.datastructures import State

from config.lifeline import die_with_parent
from config.settings import Settings, find_redis_url, load_settings
from gateway.domain.programme import load_programmes
from gateway.domain.texts import load_texts
from gateway.http.register_calls import prepare_register
from gateway.inflight.shards import connect_store
from gateway.logs import configure_logs
from gateway.operators.access import check_routes, guard_role
from gateway.operators.answers import finish_answer
from gateway.operators.bodies import MOST_BODY_BYTES
from gateway.operators.changes import change_controls, drop_plan, list_plans, undo_change
from gateway.operators.controls import list_controls, preview_change
from gateway.operators.desk import Desk
from gateway.operators.doorkeeper import Doorkeeper
from gateway.operators.metrics import Sources, show_metrics
from gateway.operators.pages import CONSOLE, load_pages, show_console, show_file
from gateway.operators.planning import keep_plans
from gateway.operators.problems import HANDLERS
from gateway.operators.programmes import list_programmes, show_history, show_state, stream_events
from gateway.operators.room import Room
from gateway.operators.session import log_in, log_out, show_me
from gateway.operators.trail import show_trail
from gateway.operators.watching import Watch, keep_watch, look
from gateway.register.audit import AuditTrail
from gateway.register.plans import Plans
from gateway.register.store import Store as Register
from gateway.register.store import open_store
from gateway.register.tokens import Tokens

# Nobody sends it by accident, and a process that is not ready for it passes it over.
STOP_WATCHING = signal.SIGURG

# A start does not wait longer for the register's tables than this: watching goes on without them.
_START_SECONDS = 3.0


_ROUTES: Final = (
    show_metrics,
    show_console,
    show_file,
    log_in,
    log_out,
    show_me,
    list_programmes,
    show_state,
    show_history,
    stream_events,
    list_controls,
    preview_change,
    change_controls,
    undo_change,
    list_plans,
    drop_plan,
    show_trail,
)


def app_from_environment() -> Litestar:
    """Serve as the factory of the server's worker process, which must not outlive the server."""
    server = multiprocessing.parent_process()
    die_with_parent(server.pid if server else None)
    settings = load_settings()
    configure_logs(settings.log_level)
    return create_operators_app(settings)


def create_operators_app(settings: Settings) -> Litestar:
    """Put everything together; nothing is connected yet. Raises ValueError for what is wrong."""
    redis_url, timeout_ms = find_redis_url(settings), settings.redis_timeout_ms
    store = connect_store(redis_url, timeout_ms, replicas=settings.redis_replicas)
    register = open_store(settings.register_dsn)
    programmes = load_programmes(settings.programmes_dir)
    room = Room(
        desk=Desk(programmes, store, AuditTrail(register), Plans(register)),
        doorkeeper=Doorkeeper(Tokens(register)),
        watches={code: Watch(code, counts_alone=len(programmes) == 1) for code in programmes},
        texts=load_texts(settings.messages_dir),
        pages=load_pages(CONSOLE),
    )
    sources = Sources(store, tuple(programmes), settings.counts_dir)
    app = Litestar(
        route_handlers=_ROUTES,
        before_send=[finish_answer],
        exception_handlers=HANDLERS,
        guards=[guard_role],
        lifespan=[_lifespan(room, register, settings)],
        logging_config=None,
        openapi_config=None,
        request_max_body_size=MOST_BODY_BYTES,
        state=State({"sources": sources, "room": room}),
    )
    check_routes(app)
    return app


def _lifespan(
    room: Room, register: Register, settings: Settings
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        desk, watches = room.desk, room.watches
        preparing = asyncio.create_task(prepare_register(settings.register_dsn))
        # Whoever asks first should find tables and figures there.
        await asyncio.wait([preparing], timeout=_START_SECONDS)
        if preparing.done():
            preparing.result()
        await look(watches, desk.store, settings.counts_dir)
        keeping = [keep_watch(watches, desk.store, settings.counts_dir), keep_plans(desk)]
        tasks = [preparing, *map(asyncio.create_task, keeping)]
        # The server waits for every connection before it says that it stops, and a stream has no end.
        asyncio.get_running_loop().add_signal_handler(STOP_WATCHING, _end_all, watches)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            _end_all(watches)
            await asyncio.gather(*tasks, return_exceptions=True)
            await register.close()
            await desk.store.aclose()

    return lifespan


def _end_all(watches: Mapping[str, Watch]) -> None:
    for watch in watches.values():
        watch.end()
