"""What most would write: FastAPI, slowapi, a counter for the slots, and a job for arq."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from arq import create_pool
from arq.connections import RedisSettings
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address

COUNTER = "in_process"


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    category: str = Field(pattern="^[a-z_]{1,40}$")
    iin: str = Field(pattern="^[0-9]{12}$")
    full_name: str = Field(min_length=2, max_length=200)
    iban: str = Field(pattern="^KZ[0-9]{5}[0-9A-Z]{13}$")
    employer: str | None = Field(default=None, pattern="^[0-9]{12}$")
    email: str | None = Field(default=None, max_length=254)
    language: str | None = Field(default=None, pattern="^(kk|ru|en)$")


class Answer(BaseModel):
    id: str
    receipt: str
    state: str
    expires_at: str
    warnings: list[str]


def create_app() -> FastAPI:
    redis_url, slots = os.environ["PEER_REDIS_URL"], int(os.environ["PEER_SLOTS"])
    given = answer(int(os.environ["PEER_ANSWER_BYTES"]))
    limiter = Limiter(key_func=get_remote_address, storage_uri=redis_url)

    @asynccontextmanager
    async def connect(app: FastAPI) -> AsyncIterator[None]:
        app.state.redis = await create_pool(RedisSettings.from_dsn(redis_url))
        yield
        await app.state.redis.aclose()

    app = FastAPI(lifespan=connect)
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)

    @app.post("/v1/programmes/{programme}/applications", status_code=202)
    # Our own limit on an address: 30 a second, 300 at once.
    @limiter.limit("300/10 seconds")
    async def submit(request: Request, programme: str, form: Form) -> Answer:  # noqa: ARG001 - one is served.
        redis = request.app.state.redis
        if await redis.incr(COUNTER) > slots:
            await redis.decr(COUNTER)
            raise HTTPException(503, "full")
        await redis.enqueue_job("process", form.model_dump())
        return given

    return app


def answer(size: int) -> Answer:
    """Return an answer that has `size` bytes as JSON: the receipt is drawn out until it has."""
    bare = Answer(
        id="42500-" + "a" * 26,
        receipt="",
        state="awaiting_phone",
        expires_at="2026-11-22T09:30:00.125Z",
        warnings=[],
    )
    return bare.model_copy(update={"receipt": "r" * (size - len(bare.model_dump_json()))})
