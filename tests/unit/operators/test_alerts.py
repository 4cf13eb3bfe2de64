import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from gateway.operators.dashboard import render
from tests.unit.operators.alerts import DASHBOARD_FILE, ROOT, RULES_FILE, alerts, expressions, metrics_in
from tests.unit.operators.stories import STORIES, promtool_tests

RUNBOOK = ROOT / "docs" / "operators.md"
DURATION = re.compile(r"\d+[smh]")

# Unpacked there by `make test` where it is not installed.
UNPACKED = ROOT / "build" / "promtool" / "usr" / "bin" / "promtool"
PROMTOOL = shutil.which("promtool") or (str(UNPACKED) if UNPACKED.exists() else None)

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool (of Debian's package prometheus) is not here"
)


def run_promtool(*arguments: str | Path) -> None:
    assert PROMTOOL is not None
    ended = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_has_one_name_a_known_urgency_and_a_duration() -> None:
    every = alerts()

    assert max(Counter(alert.name for alert in every).values()) == 1
    assert {alert.labels["severity"] for alert in every} == {"page", "ticket", "info"}
    assert [alert.name for alert in every if not DURATION.fullmatch(alert.lasting)] == []


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    headings = re.findall(r"^### ([A-Z]\w+)$", RUNBOOK.read_text(), re.MULTILINE)

    assert headings == [alert.name for alert in alerts()]
    assert [alert.annotations["runbook"] for alert in alerts()] == [
        f"docs/operators.md#{name.lower()}" for name in headings
    ]


def test_rules_and_dashboard_ask_only_for_metrics_of_ours() -> None:
    assert [expression for expression in expressions() if not metrics_in(expression)] == []


def test_the_dashboard_in_the_repository_is_the_one_that_the_code_draws() -> None:
    assert DASHBOARD_FILE.read_bytes() == render()


def test_no_panel_of_the_dashboard_covers_another() -> None:
    places = [panel["gridPos"] for panel in json.loads(render())["panels"]]
    cells = Counter(
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )

    assert max(cells.values()) == 1
    assert max(x for x, _ in cells) == 23


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    run_promtool("check", "rules", RULES_FILE)


def test_there_is_a_story_for_each_alert() -> None:
    assert STORIES.keys() == {alert.name for alert in alerts()}


@needs_promtool
def test_each_alert_sounds_alone_in_its_story_and_none_in_a_quiet_morning(tmp_path: Path) -> None:
    stories = tmp_path / "stories.yml"
    stories.write_text(json.dumps(promtool_tests(RULES_FILE)))

    run_promtool("test", "rules", stories)
