"""What is around the door: state systems, codes sent and confirmed, processes alive."""

from collections.abc import Mapping
from typing import Final

from gateway.counting import Role
from gateway.operators.sampling import Reading, accepted_between
from gateway.operators.states import Around, SmsState
from gateway.operators.systems import Systems
from gateway.operators.tallies import codes_sent_in, grown
from gateway.operators.windows import Window

# As the alert CodesUnconfirmed has it: people take minutes to find a code and type it.
_CODES_SECONDS: Final = 900.0

_SENT, _CONFIRMED = "sent", "confirmed"


class Surroundings:
    """Those of one programme, look by look."""

    def __init__(self) -> None:
        self._systems = Systems()
        self._codes = Window[str](_CODES_SECONDS)

    def look(self, before: Reading | None, now: Reading, alive: Mapping[Role, int]) -> Around:
        workers, gateways = alive.get(Role.WORKER), alive.get(Role.GATEWAY)
        if before is None:
            return Around(workers_alive=workers, gateways_alive=gateways)
        growth = grown(before.tallies, now.tallies)
        self._systems.note(before.at_ms, now.at_ms, growth)
        sent, confirmed = codes_sent_in(growth, now.programme), accepted_between(before, now)
        self._codes.note(before.at_ms, now.at_ms, {_SENT: sent or 0, _CONFIRMED: confirmed or 0})
        sms = self._sms(is_sent_known=sent is not None, is_confirmed_known=confirmed is not None)
        return Around(self._systems.states(now.breakers), sms, workers, gateways)

    def _sms(self, *, is_sent_known: bool, is_confirmed_known: bool) -> SmsState:
        sent = int(self._codes.sums[_SENT]) if is_sent_known else None
        confirmed = int(self._codes.sums[_CONFIRMED]) if is_confirmed_known else None
        if not sent or confirmed is None:
            return SmsState(sent, confirmed)
        # Codes that were sent before this quarter of an hour come back within it.
        return SmsState(sent, confirmed, round(min(100 * confirmed / sent, 100.0), 1))
