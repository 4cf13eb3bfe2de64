"""What an operator looks up of a case in flight; nothing is changed."""

from gateway.domain.case import programme_of
from gateway.inflight.store import Store


async def cases_of(store: Store, programme: str, person: str) -> list[str]:
    """Ids of a person's cases here: candidates, and the one that was confirmed. Raises StoreUnavailable."""
    fields = await store.read("HGETALL", f"{{{programme}}}:person:{person}")
    # A candidate is a field of its own, the winner a value.
    texts = {text.decode() for field in fields.items() for text in field}
    return sorted(text for text in texts if programme_of(text) == programme)


async def sealed_of(store: Store, programme: str, application_id: str) -> tuple[bytes | None, bytes | None]:
    """What was sent and the phone, both sealed, as far as they are here. Raises StoreUnavailable."""
    key = f"{{{programme}}}:case:{application_id}"
    body, phone = await store.read("HMGET", key, "body", "sealed_phone")
    return body or None, phone or None
