"""How long callers of the register wait: for others before them, for the work, for the commit."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from gateway.counting import LEDGER, Spread

# From a read of one entry to the deadline of a statement.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


@contextmanager
def timed(kind: str) -> Iterator[None]:
    """Count the seconds of one call, `read` or `write`, failed ones too."""
    began_at = time.perf_counter()
    try:
        yield
    finally:
        _transactions(kind).add(time.perf_counter() - began_at)


@cache
def _transactions(kind: str) -> Spread:
    return LEDGER.spread(
        "qabyldau_register_seconds",
        "Transactions on the register, from the call to its answer.",
        _SECONDS,
        kind=kind,
    )
