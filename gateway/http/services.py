"""What the routes work with, handed over once by the composition root as plain values and open clients."""

from msgspec import Struct

from gateway.domain.calendar import Overrides
from gateway.domain.programme import Programme, RateLimit
from gateway.domain.texts import Texts
from gateway.http.clients import Proxies
from gateway.http.crowd import Crowd
from gateway.http.pieces import SpentPieces
from gateway.http.pulse import Pulse
from gateway.http.readiness import Readiness
from gateway.http.refusals import ProblemCode, Quota, Refusal
from gateway.http.summaries import SummaryKeeper
from gateway.inflight.admission import AdmissionDesk
from gateway.inflight.confirmation import ConfirmationRules
from gateway.inflight.store import Store
from gateway.register.journal import Journal
from gateway.sealing import KeyRing


class Intake(Struct, frozen=True):
    """One programme and what serves it."""

    desk: AdmissionDesk
    rules: ConfirmationRules
    summaries: SummaryKeeper
    pieces: SpentPieces

    @property
    def programme(self) -> Programme:
        """As it is in force now."""
        return self.summaries.programme

    @property
    def address_quota(self) -> Quota:
        return quota_of("address", self.programme.limits.address)

    @property
    def person_quota(self) -> Quota:
        return quota_of("person", self.programme.limits.person)


def quota_of(name: str, limit: RateLimit) -> Quota:
    return Quota(name, limit.count, limit.window_seconds, limit.shadow)


class BodyLimits(Struct, frozen=True):
    most_bytes: int
    timeout_seconds: float


class Webhook(Struct, frozen=True):
    """How a decision proves where it comes from, and how old it may be."""

    key: bytes
    window_seconds: int

    def __repr__(self) -> str:
        return "Webhook()"


class Services(Struct, frozen=True):
    intakes: dict[str, Intake]
    ring: KeyRing
    store: Store
    journal: Journal
    texts: Texts
    calendar: Overrides
    body_limits: BodyLimits
    webhook: Webhook
    readiness: Readiness
    proxies: Proxies
    crowd: Crowd
    pulse: Pulse

    def intake(self, programme: str) -> Intake:
        """Raise Refusal for a programme that is not served here."""
        found = self.intakes.get(programme)
        if found is None:
            raise Refusal(ProblemCode.NOT_FOUND)
        return found
