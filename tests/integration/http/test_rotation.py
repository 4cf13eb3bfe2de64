import secrets

import pytest

from config.keys import Keys
from gateway.domain.tickets import read_ticket, write_ticket
from gateway.sealing import KeyRing
from tests.integration.http.journey import Journey
from tests.integration.http.waiting import WaitingRoom

OLD, NEW = 1, 2


@pytest.fixture
def keys() -> Keys:
    sealing = {OLD: secrets.token_bytes(32), NEW: secrets.token_bytes(32)}
    return Keys(sealing, NEW, secrets.token_bytes(32), secrets.token_bytes(32))


async def test_a_ticket_of_an_older_key_comes_back_signed_by_the_active_one(
    journey: Journey, keys: Keys
) -> None:
    room = WaitingRoom(journey)
    await room.fill()
    current: str = (await room.queue())["ticket"]
    await room.keeper.refresh()
    ticket = read_ticket(current, journey.services.ring.verify)
    assert ticket is not None
    older = write_ticket(ticket, KeyRing(keys.sealing, OLD, keys.lookup).sign)

    assert older != current
    assert (await room.poll(older))["ticket"] == current
    assert (await room.poll(current))["ticket"] == current
