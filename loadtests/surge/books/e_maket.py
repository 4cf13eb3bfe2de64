"""What the stand-in of E-Maket had taken in, and which decisions it brought back."""

from pathlib import Path

import msgspec
from msgspec import Struct


class Effect(Struct, frozen=True):
    """How often an application took effect."""

    application_id: str
    number: str
    effects: int


class Delivery(Struct, frozen=True):
    application_id: str
    state: str
    decision: str | None = None


class EMaket(Struct, frozen=True):
    """`decisions`: those that the gateway has answered with 204, by application id."""

    taken: dict[str, Effect]
    decisions: dict[str, str]


def read_e_maket(folder: Path, programme: str) -> EMaket:
    """Read `e-maket.json` and `deliveries.json` of a run."""
    effects = msgspec.json.decode((folder / "e-maket.json").read_bytes(), type=list[Effect])
    deliveries = msgspec.json.decode((folder / "deliveries.json").read_bytes(), type=list[Delivery])
    return EMaket(
        {one.application_id: one for one in effects if one.application_id.startswith(f"{programme}-")},
        {one.application_id: one.decision for one in deliveries if one.state == "delivered" and one.decision},
    )
