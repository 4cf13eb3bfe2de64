"""Litestar with the parts it brings: its own rate limit, in Redis, and a job for arq."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from arq import create_pool
from arq.connections import RedisSettings
from litestar import Litestar, Request, post
from litestar.datastructures import State
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.params import FromPath
from litestar.status_codes import HTTP_202_ACCEPTED
from litestar.stores.redis import RedisStore

from loadtests.bench.peers.wire import PATH, Answer, Form, answer


def create_app() -> Litestar:
    given, redis_url = answer(), os.environ["PEER_REDIS_URL"]

    @asynccontextmanager
    async def connect(app: Litestar) -> AsyncIterator[None]:
        app.state.jobs = await create_pool(RedisSettings.from_dsn(redis_url))
        yield
        await app.state.jobs.aclose()

    @post(PATH, status_code=HTTP_202_ACCEPTED)
    async def submit(programme: FromPath[str], data: Form, state: State) -> Answer:  # noqa: ARG001 - one is served.
        jobs: Any = state.jobs
        await jobs.enqueue_job("process", msgspec.structs.asdict(data))
        return given

    # As many in a second as our own limit on an address.
    limit = RateLimitConfig(rate_limit=("second", 30), identifier_for_request=_client, store="limits")
    return Litestar(
        [submit],
        lifespan=[connect],
        middleware=[limit.middleware],
        stores={"limits": RedisStore.with_client(redis_url)},
        logging_config=None,
        openapi_config=None,
    )


def _client(request: Request[Any, Any, Any]) -> str:
    return request.headers["x-forwarded-for"]
