"""What an applicant, and whoever pretends to be one, does at the served gateway."""

from typing import Any

import msgspec
from msgspec import Struct

from tests.integration.http.journey import PROGRAMME, code_in, form, new_phone
from tests.security.serving import Answer, Client, Served

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"


class Applied(Struct, frozen=True):
    form: dict[str, object]
    id: str
    receipt: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.receipt}"}


def apply(client: Client, **changes: object) -> Applied:
    fields = form(**changes)
    answer = client.post(APPLICATIONS, fields)
    assert answer.status == 202, answer.text
    return Applied(fields, answer.json["id"], answer.json["receipt"])


def give_phone(client: Client, one: Applied, phone: str) -> Answer:
    return client.post(f"/v1/applications/{one.id}/phone", {"phone": phone}, one.bearer)


def guess(client: Client, one: Applied, code: str) -> Answer:
    return client.post(f"/v1/applications/{one.id}/confirmation", {"code": code}, one.bearer)


def code_of(gateway: Served, one: Applied) -> str:
    """Read the SMS before it is sent."""
    sealed = gateway.redis.get(f"{{{PROGRAMME}}}:outbox:{one.id}")
    _, text = msgspec.msgpack.decode(gateway.ring.unseal(sealed, one.id))
    return code_in(text)


def be_accepted(gateway: Served, client: Client, **changes: object) -> Applied:
    one = apply(client, **changes)
    assert give_phone(client, one, new_phone()).status == 202
    answer = guess(client, one, code_of(gateway, one))
    assert answer.status == 200, answer.text
    return one


def shape_of(value: Any) -> Any:
    """What a body looks like with everything that may differ left out."""
    if isinstance(value, dict):
        return {key: shape_of(one) for key, one in sorted(value.items())}
    return [shape_of(one) for one in value] if isinstance(value, list) else type(value).__name__
