"""What alert rules and dashboard ask for is there, on the page of a running service."""

from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.applicants import Applicant, Crowd, open_session
from tests.e2e.stack import Stack, running
from tests.unit.operators.alerts import expressions, metrics_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def scrape(session: aiohttp.ClientSession, stack: Stack) -> str:
    async with session.get(f"{stack.operators}/metrics") as answer:
        return await answer.text()


def labels_by_name(page: str) -> dict[str, set[str]]:
    """Each sample's name with the labels that it has anywhere."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


async def test_every_metric_that_rules_and_dashboard_name_exists_with_its_labels(tmp_path: Path) -> None:
    with running(tmp_path / "data", gateways="2", workers="2") as stack:
        async with open_session() as session:
            crowd = Crowd(session, stack.gateway, stack.standins)
            await crowd.until_all([await crowd.apply(Applicant(1))], "assigned", seconds=60)
            page = await scrape(session, stack)

    there = labels_by_name(page)
    asked: dict[str, set[str]] = {}
    for name, labels in (metric for expression in expressions() for metric in metrics_in(expression)):
        asked.setdefault(name, set()).update(labels)
    assert {name for name in asked if name not in there} == set()
    assert {name: labels - there[name] for name, labels in asked.items() if labels - there[name]} == {}
    assert 'qabyldau_processes_alive{role="gateway"} 2.0' in page
    assert 'qabyldau_processes_alive{role="worker"} 2.0' in page
    assert 'qabyldau_cases_finished_total{programme="42500",state="forwarded",worker="' in page
