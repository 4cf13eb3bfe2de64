"""Composition root of the operators' process."""

import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import Scope

from config.lifeline import die_with_parent
from config.settings import Settings, find_redis_url, load_settings
from gateway.domain.programme import load_programmes
from gateway.inflight.store import Store, open_redis
from gateway.logs import configure_logs
from gateway.operators.metrics import Sources, show_metrics

_log = structlog.get_logger()


def app_from_environment() -> Litestar:
    """Serve as the factory of the server's worker process, which must not outlive the server."""
    server = multiprocessing.parent_process()
    die_with_parent(server.pid if server else None)
    settings = load_settings()
    configure_logs(settings.log_level)
    return create_operators_app(settings)


def create_operators_app(settings: Settings) -> Litestar:
    """Put everything together; nothing is connected yet. Raises ValueError for what is wrong."""
    sources = Sources(
        store=Store(open_redis(find_redis_url(settings), settings.redis_timeout_ms)),
        programmes=tuple(load_programmes(settings.programmes_dir)),
        counts_dir=settings.counts_dir,
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await sources.store.redis.aclose()

    return Litestar(
        route_handlers=[show_metrics],
        after_exception=[_log_unexpected],
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=None,
        state=State({"sources": sources}),
    )


def _log_unexpected(error: Exception, _: Scope) -> None:
    if not isinstance(error, HTTPException):
        _log.error("unexpected_error", exc_info=error)
