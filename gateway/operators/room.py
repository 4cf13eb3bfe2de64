"""What the routes of the operators work with, handed over once by the composition root."""

from typing import Any

from litestar.connection import ASGIConnection
from msgspec import Struct

from gateway.domain.texts import Texts
from gateway.operators.desk import Desk, UnknownProgramme
from gateway.operators.doorkeeper import Doorkeeper
from gateway.operators.pages import Page
from gateway.operators.watching import Watch


class Room(Struct, frozen=True):
    desk: Desk
    doorkeeper: Doorkeeper
    watches: dict[str, Watch]
    texts: Texts
    pages: dict[str, Page]

    def watch(self, code: str) -> Watch:
        """Raise UnknownProgramme."""
        if code not in self.watches:
            raise UnknownProgramme(code)
        return self.watches[code]


def room_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Room:
    room: Room = connection.app.state.room
    return room
