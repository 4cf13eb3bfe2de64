"""The alert rules and the dashboard as data, for the tests that hold them to what there is."""

import re
from pathlib import Path

import msgspec

from gateway.operators.dashboard import ROWS

ROOT = Path(__file__).parents[3]
RULES_FILE = ROOT / "config" / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD_FILE = ROOT / "config" / "deploy" / "grafana" / "qabyldau.json"

# A metric and, if there are any, its matchers: a template of a route has braces inside of its quotes.
_METRIC = re.compile(r'(qabyldau_[a-z_]+)(?:\{((?:[^{}"]|"[^"]*")*)\})?')
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')


class Alert(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"name": "alert", "lasting": "for"}
):
    name: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]
    lasting: str = "0s"


class _Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    rules: list[Alert]


class _Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    groups: list[_Group]


def alerts() -> list[Alert]:
    rules = msgspec.yaml.decode(RULES_FILE.read_bytes(), type=_Rules)
    return [alert for group in rules.groups for alert in group.rules]


def expressions() -> list[str]:
    """All that rules and dashboard ask Prometheus."""
    drawn = [expr for panels in ROWS.values() for panel in panels for expr, _ in panel.lines]
    return [*(alert.expr for alert in alerts()), *drawn]


def metrics_in(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric with the labels that its matchers name."""
    return [(name, set(_MATCHER.findall(matchers))) for name, matchers in _METRIC.findall(expression)]
