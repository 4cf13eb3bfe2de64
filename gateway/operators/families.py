"""Figures of the programmes as metric families: a family a field, a sample a programme, lane or queue."""

from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from gateway.counting import Role
from gateway.inflight.breakers import Breaker
from gateway.inflight.figures import Figures

_SLOTS = {
    "limit": "Slots that may be taken at once.",
    "live": "Slots taken: leases and cases in process.",
    "unconfirmed": "Slots leased to whoever has not confirmed a phone yet.",
    "high": "The most slots ever taken at once.",
}
_STORE = {"short_of_memory": "1 while so little memory is left in Redis that nobody is let in."}
_APPLICATIONS = {"accepted": "Applications whose phone was confirmed."}
_TICKETS_NOW = {
    "waiting": "Tickets not called yet.",
    "reserved": "Tickets called whose slot is kept until they come.",
}
_TICKETS_EVER = {"minted": "Tickets given.", "called": "Tickets called."}
_QUEUES = {
    "jobs": "Jobs waiting or running.",
    "oldest_seconds": "For how long the oldest job has been due.",
}

_BREAKERS = (Breaker.CLOSED, Breaker.HALF_OPEN, Breaker.OPEN)

# Label values, and the struct that has the fields.
_Row = tuple[list[str], Any]


def families_of(programmes: Mapping[str, Figures]) -> list[Metric]:
    codes: list[_Row] = [([code], one) for code, one in programmes.items()]
    lanes: list[_Row] = [
        ([code, name], lane)
        for code, one in programmes.items()
        for name, lane in (("line", one.line), ("front_row", one.front_row))
    ]
    queues: list[_Row] = [
        ([code, name], queue) for code, one in programmes.items() for name, queue in one.queues.items()
    ]
    return [
        *_families(GaugeMetricFamily, "slots", _SLOTS, ["programme"], codes),
        *_families(GaugeMetricFamily, "store", _STORE, ["programme"], codes),
        *_families(CounterMetricFamily, "applications", _APPLICATIONS, ["programme"], codes),
        *_families(GaugeMetricFamily, "tickets", _TICKETS_NOW, ["programme", "lane"], lanes),
        *_families(CounterMetricFamily, "tickets", _TICKETS_EVER, ["programme", "lane"], lanes),
        *_families(GaugeMetricFamily, "queue", _QUEUES, ["programme", "queue"], queues),
        _shadowed(programmes),
    ]


def store_family(*, is_up: bool) -> Metric:
    return GaugeMetricFamily("qabyldau_store_up", "Whether Redis answered this scrape.", value=is_up)


def alive_family(alive: Mapping[Role, int]) -> Metric:
    about = "Gateway processes and workers that turn their loops, of those that count here."
    family = GaugeMetricFamily("qabyldau_processes_alive", about, labels=["role"])
    for role, count in alive.items():
        family.add_metric([role.value], count)
    return family


def missed_family(missed: Mapping[str, Mapping[str, int]]) -> Metric:
    about = "Tickets called whose window is over and whose holders have not come since."
    family = GaugeMetricFamily("qabyldau_tickets_missed", about, labels=["programme", "lane"])
    for code, lanes in missed.items():
        for lane, count in lanes.items():
            family.add_metric([code, lane], count)
    return family


def breaker_family(breakers: Mapping[str, Mapping[str, Breaker]]) -> Metric:
    about = "Whether workers ask a state system: 0 as ever, 1 one call at a time to try it, 2 not at all."
    family = GaugeMetricFamily("qabyldau_breaker", about, labels=["programme", "system"])
    for code, systems in breakers.items():
        for system, state in systems.items():
            family.add_metric([code, system], _BREAKERS.index(state))
    return family


def _shadowed(programmes: Mapping[str, Figures]) -> Metric:
    about = "What limits in shadow would have refused."
    family = CounterMetricFamily("qabyldau_limits_shadowed", about, labels=["programme", "limit"])
    for code, one in programmes.items():
        for limit, count in one.shadowed.items():
            family.add_metric([code, limit], count)
    return family


def _families(
    kind: type[GaugeMetricFamily | CounterMetricFamily],
    prefix: str,
    fields: Mapping[str, str],
    labels: Sequence[str],
    rows: Sequence[_Row],
) -> list[Metric]:
    found: list[Metric] = []
    for field, about in fields.items():
        family = kind(f"qabyldau_{prefix}_{field}", about, labels=labels)
        for values, row in rows:
            family.add_metric(values, getattr(row, field))
        found.append(family)
    return found
