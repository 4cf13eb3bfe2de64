"""`GET /metrics`: what gateways and workers count and how the programmes stand, as Prometheus reads it."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from litestar import Response, get
from litestar.datastructures import State
from msgspec import Struct
from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector

from gateway.counting import Role, count_alive, read_counts
from gateway.inflight.breakers import read_breakers
from gateway.inflight.figures import read_figures
from gateway.inflight.missed import read_missed
from gateway.inflight.store import Store, StoreUnavailable
from gateway.operators.families import (
    alive_family,
    breaker_family,
    families_of,
    missed_family,
    store_family,
)

# Prometheus's text format; the framework adds the charset.
_MEDIA_TYPE = "text/plain; version=0.0.4"


class Sources(Struct, frozen=True):
    store: Store
    programmes: tuple[str, ...]
    counts_dir: Path


@get("/metrics", role=None)
async def show_metrics(state: State) -> Response[bytes]:
    """Answer with what there is: without Redis, what was counted and that Redis is away."""
    sources: Sources = state.sources
    asked = await _ask_redis(sources)
    counted = await asyncio.to_thread(_look_into, sources.counts_dir)
    return Response(generate_latest(_Page([*asked, *counted])), media_type=_MEDIA_TYPE)


def _look_into(counts_dir: Path) -> list[Metric]:
    # An alert tells nobody from none by a zero, not by a line that is missing.
    alive = dict.fromkeys(Role, 0) | count_alive(counts_dir)
    return [alive_family(alive), *read_counts(counts_dir)]


async def _ask_redis(sources: Sources) -> list[Metric]:
    """Return how the programmes that are served stand, or that Redis is away."""
    try:
        found = await asyncio.gather(*(read_figures(sources.store, code) for code in sources.programmes))
        served = {code: one for code, one in zip(sources.programmes, found, strict=True) if one is not None}
        missed = {code: await read_missed(sources.store, code, one) for code, one in served.items()}
        breakers = {code: await read_breakers(sources.store, code) for code in served}
    except StoreUnavailable:
        return [store_family(is_up=False)]
    return [store_family(is_up=True), *families_of(served), missed_family(missed), breaker_family(breakers)]


class _Page(Collector):
    """Families that are at hand, in the form in which prometheus-client asks for them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
