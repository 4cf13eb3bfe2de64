from collections.abc import Sequence

from loadtests.surge.books.clients import Clients
from loadtests.surge.checks.judged import judged
from loadtests.surge.faults import Happened
from loadtests.surge.ledger import Entry
from loadtests.surge.profiles import Process
from loadtests.surge.verdicts import Verdict

NAME = "no errors of the service"
EXPECTED = "0 answers missing, or 5xx other than full, store_unavailable, programme_closed"

# A gateway that was killed is back by then.
_RECOVERY_US = 10_000_000


def check_answers(clients: Clients, happened: Sequence[Happened]) -> Verdict:
    """An answer that never came is explained by a gateway that was killed, and by nothing else."""
    kills = [one.at_us for one in happened if one.what == f"kill {Process.GATEWAY}" and not one.error]
    faults = [
        f"{entry.step} {entry.status or 'unanswered'} {entry.code} (visit {entry.visit})"
        for entry in clients.unexpected
        if not _is_explained(entry, kills)
    ]
    return judged(NAME, EXPECTED, faults)


def _is_explained(entry: Entry, kills: Sequence[int]) -> bool:
    return entry.status == 0 and any(
        entry.sent_at_us < at_us + _RECOVERY_US and entry.answered_at_us >= at_us for at_us in kills
    )
