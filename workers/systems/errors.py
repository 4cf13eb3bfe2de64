"""What can go wrong with a state system. No message repeats an answer or anything personal."""

from enum import StrEnum


class System(StrEnum):
    LABOUR_MARKET = "labour_market"
    E_MAKET = "e_maket"
    SMS = "sms"
    MOBILE_CITIZENS = "mobile_citizens"


class UnavailableReason(StrEnum):
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    STATUS = "status"
    RATE_LIMITED = "rate_limited"


class WrongReason(StrEnum):
    WRONG_SCHEMA = "wrong_schema"
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    # The provider works, and will never send this message.
    MESSAGE_REFUSED = "message_refused"


class SystemFailure(Exception):
    """The root of the tree. Unless one says otherwise, it is unknown whether the call took effect."""


class SystemUnavailable(SystemFailure):
    """Try again later, not before `retry_after_seconds` if the system named a time."""

    def __init__(
        self, system: System, reason: UnavailableReason, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(f"{system} is unavailable: {reason}")
        self.system = system
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class SystemAnsweredWrong(SystemFailure):
    """Trying again will not help. `code` is the HTTP status, or the SMS provider's own code, of a refusal."""

    def __init__(self, system: System, reason: WrongReason, code: int | None = None) -> None:
        super().__init__(f"{system} answered wrong: {reason}" + (f" {code}" if code is not None else ""))
        self.system = system
        self.reason = reason
        self.code = code


class StaleToken(SystemFailure):
    """A later worker has this case: leave it alone. The call took no effect."""

    def __init__(self) -> None:
        super().__init__(f"{System.E_MAKET} has seen a later fencing token")
