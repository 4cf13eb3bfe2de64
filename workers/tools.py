"""What every step works with, put together once in the composition root."""

import time
from collections.abc import Awaitable, Callable

import msgspec

from gateway.domain.application import Application
from gateway.domain.programme import Programme
from gateway.domain.texts import Texts
from gateway.inflight.progress import TakenCase
from gateway.inflight.store import Store
from gateway.register.journal import Journal
from gateway.sealing import KeyRing
from workers.systems.e_maket import EMaket
from workers.systems.labour_market import LabourMarket
from workers.systems.mobile_citizens import MobileCitizens
from workers.systems.sms import SmsProvider

# Called at each boundary between two effects; the tests of crashes put an end to the process there.
Boundary = Callable[[str], Awaitable[None]]


async def no_boundary(_: str) -> None:
    pass


class Tools(msgspec.Struct, frozen=True):
    programme: Programme
    limit_seed: int
    store: Store
    journal: Journal
    keyring: KeyRing
    mobile_citizens: MobileCitizens
    labour_market: LabourMarket
    e_maket: EMaket
    sms: SmsProvider
    texts: Texts
    # Local midnight's distance from UTC, for counts by day.
    day_offset_ms: int
    # How long an ended record still answers in Redis.
    kept_ms: int
    boundary: Boundary = no_boundary


def is_in_doubt(tools: Tools, case: TakenCase) -> bool:
    """Tell whether the phone is not known, or not yet, to be the person's."""
    return tools.programme.checks_phones and not case.proven


def now_ms() -> int:
    return int(time.time() * 1000)


_APPLICATIONS = msgspec.msgpack.Decoder(Application)


def open_application(tools: Tools, application_id: str, sealed: bytes) -> Application:
    """Unseal what the applicant sent; raises SealError."""
    return _APPLICATIONS.decode(tools.keyring.unseal(sealed, application_id))
