"""Messages waiting to be sent: a code lies here sealed, is sent by its own queue, and is deleted."""

from redis.exceptions import RedisError

from gateway.domain.programme import RateLimit
from gateway.inflight.limits import limit_text
from gateway.inflight.store import Store, StoreUnavailable

# Fewer refusals in a row may be single messages; more are a provider that takes nothing.
FAILURES_BEFORE_DOWN = 5

# How long one more failure keeps the door shut; the next try says whether it opens.
DOWN_MS = 10_000


def _code_key(programme: str, application_id: str) -> str:
    return f"{{{programme}}}:outbox:{application_id}"


def _lost_key(programme: str, request: str) -> str:
    return f"{{{programme}}}:lost:{request}"


async def code_message(store: Store, programme: str, application_id: str) -> bytes | None:
    """The sealed message with a code, or None when it was sent or is of no use any more."""
    try:
        message: bytes | None = await store.redis_of(programme).get(_code_key(programme, application_id))
    except (RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    return message


async def code_sent(
    store: Store, programme: str, application_id: str, message: bytes, carrier: str | None
) -> None:
    """Delete the message that was sent, unless a newer one has taken its place; `carrier` is who took it."""
    await store.call("outbox_sent", programme, id=application_id, message=message, carrier=carrier or "")


async def lost_receipt_message(store: Store, programme: str, request: str) -> bytes | None:
    """The sealed request for a lost receipt, or None."""
    try:
        message: bytes | None = await store.redis_of(programme).hget(_lost_key(programme, request), "message")  # type: ignore[misc]  # As above: typed for both.
    except (RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    return message


async def lost_receipt_sent(store: Store, programme: str, request: str) -> None:
    try:
        await store.redis_of(programme).hdel(_lost_key(programme, request), "message")  # type: ignore[misc]  # As above.
    except (RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error


async def spend_code(store: Store, programme: str, phone_hash: str, limit: RateLimit) -> bool:
    """Count a code against a phone's limit; False when it has had its codes."""
    reply = await store.call("spend_code", programme, phone_hash=phone_hash, phone_limit=limit_text(limit))
    return bool(reply[0] == 0)


async def note_sms_result(store: Store, programme: str, *, accepted: bool) -> None:
    """Tell the door whether the provider takes messages."""
    await store.call(
        "sms_result",
        programme,
        accepted=int(accepted),
        down_ms=DOWN_MS,
        failures_before_down=FAILURES_BEFORE_DOWN,
    )
