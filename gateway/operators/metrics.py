"""`GET /metrics`: what the gateways count and how the programmes stand, as Prometheus reads it."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from litestar import Response, get
from litestar.datastructures import State
from msgspec import Struct
from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector

from gateway.counting import read_counts
from gateway.inflight.figures import Figures, read_figures
from gateway.inflight.store import Store, StoreUnavailable
from gateway.operators.families import families_of, store_family

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
    figures = await _read_figures(sources)
    counted = await asyncio.to_thread(read_counts, sources.counts_dir)
    page = _Page([store_family(is_up=figures is not None), *families_of(figures or {}), *counted])
    return Response(generate_latest(page), media_type=_MEDIA_TYPE)


async def _read_figures(sources: Sources) -> dict[str, Figures] | None:
    """Return the figures of the programmes that are served, or None when Redis is away."""
    try:
        found = await asyncio.gather(*(read_figures(sources.store, code) for code in sources.programmes))
    except StoreUnavailable:
        return None
    return {code: one for code, one in zip(sources.programmes, found, strict=True) if one is not None}


class _Page(Collector):
    """Families that are at hand, in the form in which prometheus-client asks for them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
