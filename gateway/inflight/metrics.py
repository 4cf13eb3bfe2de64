"""What is counted around the calls to Redis."""

from functools import cache

from gateway.counting import LEDGER, Spread

# From a call on an idle machine to the deadline of one to a Redis that is away.
_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# Powers of two up to the largest batch that one call takes.
_BATCH_SIZES = (1, 2, 4, 8, 16, 32)


@cache
def round_trips(verb: str) -> Spread:
    """For the seconds that each call of a verb takes, failed ones too."""
    return LEDGER.spread(
        "qabyldau_redis_round_trip_seconds",
        "Calls of the atomic functions, until Redis answered or the deadline was over.",
        _SECONDS,
        verb=verb,
    )


@cache
def batch_sizes(programme: str) -> Spread:
    """For the number of applications in each call of `admit`."""
    return LEDGER.spread(
        "qabyldau_admission_batch_size",
        "Applications decided on in one call to Redis.",
        _BATCH_SIZES,
        programme=programme,
    )
