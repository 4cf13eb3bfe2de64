from loadtests.surge.books.writes import Writes
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "a slot for every case"
EXPECTED = "0 cases in process without one, at any step of Redis"


def check_slots(writes: Writes) -> Verdict:
    """A slot given back too early, or twice, lets in one too many without any count above the limit."""
    return judged(NAME, EXPECTED, writes.slotless)
