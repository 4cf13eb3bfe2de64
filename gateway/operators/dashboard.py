"""The dashboard as Grafana takes it.

`python -m gateway.operators.dashboard > config/deploy/grafana/qabyldau.json` writes it. What Redis knows,
every operators' process tells alike, so it is taken once (max); what is counted is added up.
"""

import sys
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import msgspec

_OF = 'programme="$programme"'
# Rates over two scrapes or more, however far apart they are.
_SPAN = "[$__rate_interval]"

# Grafana's grid is 24 columns wide: three panels in a row.
_WIDTH, _HEIGHT = 8, 7
_COLUMNS = 24


class Panel(NamedTuple):
    """`lines`: what is drawn, each with its legend."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]


def _gauge(name: str, more: str = "") -> str:
    return f"max(qabyldau_{name}{{{_OF}{more}}})"


def _rate(name: str, by: str, labels: str = _OF) -> str:
    return f"sum by ({by}) (rate(qabyldau_{name}{{{labels}}}{_SPAN}))"


def _total(name: str, labels: str = _OF) -> str:
    return f"sum(rate(qabyldau_{name}{{{labels}}}{_SPAN}))"


def _percentile(part: float, name: str, by: str = "", labels: str = "") -> str:
    grouped = f"le, {by}" if by else "le"
    rate = f"rate(qabyldau_{name}_bucket{{{labels}}}{_SPAN})"
    return f"histogram_quantile({part}, sum by ({grouped}) ({rate}))"


ROWS: dict[str, tuple[Panel, ...]] = {
    "The door": (
        Panel(
            "Slots",
            "short",
            (
                (_gauge("slots_limit"), "limit"),
                (_gauge("slots_live"), "taken"),
                (_gauge("slots_unconfirmed"), "of these, not confirmed yet"),
            ),
        ),
        Panel(
            "Submissions by answer",
            "reqps",
            (
                (
                    _rate(
                        "http_requests_total",
                        "status, problem",
                        'route="/v1/programmes/{programme}/applications"',
                    ),
                    "{{status}} {{problem}}",
                ),
            ),
        ),
        Panel("Sent away unread", "reqps", ((_rate("http_shed_total", "reason", ""), "{{reason}}"),)),
    ),
    "The line": (
        Panel(
            "Tickets",
            "short",
            (
                (f"max by (lane) (qabyldau_tickets_waiting{{{_OF}}})", "wait, {{lane}}"),
                (f"max by (lane) (qabyldau_tickets_reserved{{{_OF}}})", "slot kept, {{lane}}"),
                (f"max by (lane) (qabyldau_tickets_missed{{{_OF}}})", "did not come, {{lane}}"),
            ),
        ),
        Panel(
            "Given and called",
            "cps",
            (
                (f"max by (lane) (rate(qabyldau_tickets_minted_total{{{_OF}}}{_SPAN}))", "given, {{lane}}"),
                (f"max by (lane) (rate(qabyldau_tickets_called_total{{{_OF}}}{_SPAN}))", "called, {{lane}}"),
            ),
        ),
        Panel(
            "Waited, as a part of what was promised",
            "percentunit",
            (
                (f"{_total('eta_waited_seconds_total')} / {_total('eta_promised_seconds_total')}", "mean"),
                (_percentile(0.9, "eta_waited_ratio", labels=_OF), "p90"),
            ),
        ),
    ),
    "Codes and messages": (
        Panel(
            "Codes sent and confirmed",
            "cps",
            (
                (_rate("codes_asked_total", "outcome"), "asked: {{outcome}}"),
                (_rate("messages_total", "outcome", f'{_OF}, message="code"'), "provider: {{outcome}}"),
                (f"max(rate(qabyldau_applications_accepted_total{{{_OF}}}{_SPAN}))", "confirmed"),
            ),
        ),
        Panel(
            "Codes sent back",
            "cps",
            ((_rate("confirmations_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            "Messages",
            "cps",
            ((_rate("messages_total", "message, outcome"), "{{message}} {{outcome}}"),),
        ),
    ),
    "Cases": (
        Panel(
            "Queues: the oldest job has been due for",
            "s",
            ((f"max by (queue) (qabyldau_queue_oldest_seconds{{{_OF}}})", "{{queue}}"),),
        ),
        Panel(
            "Queues: jobs",
            "short",
            ((f"max by (queue) (qabyldau_queue_jobs{{{_OF}}})", "{{queue}}"),),
        ),
        Panel(
            "Slots given back, and decisions",
            "cps",
            (
                (_rate("cases_finished_total", "state"), "{{state}}"),
                (_rate("decisions_total", "decision"), "{{decision}}"),
            ),
        ),
        Panel(
            "From the confirmed phone to the end",
            "s",
            (
                (_percentile(0.5, "case_seconds", labels=_OF), "p50"),
                (_percentile(0.95, "case_seconds", labels=_OF), "p95"),
            ),
        ),
        Panel("Verification", "cps", ((_rate("verifications_total", "outcome"), "{{outcome}}"),)),
        Panel(
            "Parked, and found by sweeps",
            "cps",
            (
                (_rate("cases_parked_total", "reason"), "parked: {{reason}}"),
                (_rate("recovered_total", "kind"), "found: {{kind}}"),
            ),
        ),
    ),
    "State systems": (
        Panel(
            "Calls", "cps", ((_rate("system_calls_total", "system, outcome", ""), "{{system}} {{outcome}}"),)
        ),
        Panel(
            "Time of a call, p95", "s", ((_percentile(0.95, "system_call_seconds", "system"), "{{system}}"),)
        ),
        Panel(
            "Calls that fail",
            "percentunit",
            (
                (
                    _rate("system_calls_total", "system", 'outcome!~"answered|stale_token|message_refused"')
                    + " / "
                    + _rate("system_calls_total", "system", ""),
                    "{{system}}",
                ),
            ),
        ),
        Panel(
            "Breakers: 0 closed, 1 half open, 2 open",
            "short",
            ((f"max by (system) (qabyldau_breaker{{{_OF}}})", "{{system}}"),),
        ),
        Panel(
            "Calls put off",
            "cps",
            ((_rate("system_calls_held_total", "system, reason", ""), "{{system}} {{reason}}"),),
        ),
    ),
    "Processes and stores": (
        Panel("Alive", "short", (("sum by (role) (qabyldau_processes_alive)", "{{role}}"),)),
        Panel("Redis answers", "bool_yes_no", (("min(qabyldau_store_up)", "Redis"),)),
        Panel(
            "Mistakes of ours",
            "cps",
            (
                (_total("http_mistakes_total", ""), "gateways"),
                (_total("worker_mistakes_total", ""), "workers"),
            ),
        ),
        Panel(
            "Redis round trip, p95",
            "s",
            ((_percentile(0.95, "redis_round_trip_seconds", "verb"), "{{verb}}"),),
        ),
        Panel("Register, p95", "s", ((_percentile(0.95, "register_seconds", "kind"), "{{kind}}"),)),
        Panel(
            "Answers by route, p95", "s", ((_percentile(0.95, "http_request_seconds", "route"), "{{route}}"),)
        ),
        Panel(
            "Admissions in one call to Redis",
            "short",
            (
                (_percentile(0.5, "admission_batch_size", labels=_OF), "p50"),
                (_percentile(0.95, "admission_batch_size", labels=_OF), "p95"),
            ),
        ),
        Panel(
            "Limits in shadow would have refused",
            "cps",
            ((f"max by (limit) (rate(qabyldau_limits_shadowed_total{{{_OF}}}{_SPAN}))", "{{limit}}"),),
        ),
    ),
}

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    return {
        "uid": "qabyldau",
        "title": "Qabyldau",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "Asia/Almaty",
        "templating": {"list": [_datasource_choice(), _programme_choice()]},
        "panels": list(_panels()),
    }


def render() -> bytes:
    return msgspec.json.format(msgspec.json.encode(dashboard()), indent=1) + b"\n"


def _panels() -> Iterator[dict[str, Any]]:
    ids, top = count(1), 0
    for row, panels in ROWS.items():
        yield {
            "id": next(ids),
            "type": "row",
            "title": row,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1},
        }
        top += 1
        for at, panel in enumerate(panels):
            left, down = at * _WIDTH % _COLUMNS, at * _WIDTH // _COLUMNS * _HEIGHT
            position = {"x": left, "y": top + down, "w": _WIDTH, "h": _HEIGHT}
            yield {"id": next(ids), "gridPos": position, **_graph(panel)}
        top += -(-len(panels) * _WIDTH // _COLUMNS) * _HEIGHT


def _graph(panel: Panel) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": _DATASOURCE, "expr": expr, "legendFormat": legend}
            for at, (expr, legend) in enumerate(panel.lines)
        ],
    }


def _datasource_choice() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _programme_choice() -> dict[str, Any]:
    query = "label_values(qabyldau_slots_limit, programme)"
    return {
        "name": "programme",
        "label": "Programme",
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": query, "refId": "programmes"},
        "refresh": 2,
    }


if __name__ == "__main__":
    sys.stdout.buffer.write(render())
