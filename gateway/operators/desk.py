"""What a change is made with, by the web and by the command line alike."""

import time

from msgspec import Struct

from gateway.domain.programme import Programme
from gateway.inflight.store import Store
from gateway.register.audit import AuditTrail
from gateway.register.plans import Plans


class UnknownProgramme(LookupError):
    def __init__(self, code: str) -> None:
        super().__init__(f"there is no programme {code}")


class Actor(Struct, frozen=True):
    """As the audit trail names who did something."""

    name: str
    role: str


class Desk(Struct, frozen=True):
    programmes: dict[str, Programme]
    store: Store
    trail: AuditTrail
    plans: Plans

    def programme(self, code: str) -> Programme:
        """Raise UnknownProgramme."""
        if code not in self.programmes:
            raise UnknownProgramme(code)
        return self.programmes[code]


def now_ms() -> int:
    return int(time.time() * 1000)
