"""`/metrics` of the real operators' process beside a real gateway of two processes."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.settings import CONFIG_DIR
from gateway.http.refusals import ProblemCode
from tests.conftest import free_port
from tests.integration.http.journey import PROGRAMME, form, new_iban, new_iin, new_phone
from tests.integration.operators.processes import children, get_once_up, is_alive, running, wait_until
from tests.integration.operators.scrape import total

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"
SUBMIT = "/v1/programmes/{programme}/applications"

# All that a label may say, beside numbers that are bounds of buckets.
LABELS = {
    "gateway": r"[\w.-]+:\d+",
    "programme": PROGRAMME,
    "lane": r"line|front_row",
    "queue": r"cases|sms|receipts",
    "limit": r"address|person|phone|block|request|code_address|conversion",
    "verb": r"[a-z_]+",
    "route": r"unmatched|/health/(live|ready)"
    r"|/v1/(waiting-room|receipts|decisions|applications/\{application_id\}(/phone|/confirmation)?"
    r"|programmes/\{programme\}(/precheck|/applications)?)",
    "method": r"GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|other",
    "status": r"[1-5]xx|none",
    "problem": "|".join(["", *ProblemCode]),
    "reason": r"address|overload",
    "role": r"gateway|worker",
    "kind": r"read|write",
    "outcome": r"[a-z_]+",
    "le": r"[\d.]+|\+Inf",
}


@pytest.fixture
def environment(redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "QABYLDAU_REDIS_URL": redis_url,
        "QABYLDAU_DATA_DIR": str(tmp_path),
        "QABYLDAU_PORT": str(free_port()),
        "QABYLDAU_OPERATORS_PORT": str(free_port()),
        "QABYLDAU_GATEWAYS": "2",
    }


@pytest.fixture
def gateway(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running("gateway", environment, tmp_path / "gateway.log") as process:
        wait_until(lambda: (tmp_path / "gateway.log").read_text().count("Started worker-") == 2)
        yield process


@pytest.fixture
def metrics_url(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    with running("gateway.operators.serve", environment, tmp_path / "operators.log"):
        yield f"http://127.0.0.1:{environment['QABYLDAU_OPERATORS_PORT']}/metrics"


@pytest.fixture
def url(environment: dict[str, str]) -> str:
    return f"http://127.0.0.1:{environment['QABYLDAU_PORT']}"


async def submit(url: str, count: int) -> None:
    """Each on a connection of its own, so that both processes get some."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        replies = await asyncio.gather(*(session.post(APPLICATIONS, json=form()) for _ in range(count)))
    assert {reply.status for reply in replies} == {202}


def counting_processes(data_dir: Path) -> int:
    """Each asks Redis before it serves, and counts that."""
    return len(list(data_dir.glob("counts/*/histogram_*.db")))


async def test_what_two_processes_answered_is_added_up(
    gateway: subprocess.Popen[bytes], metrics_url: str, url: str
) -> None:
    await submit(url, 40)
    async with aiohttp.ClientSession(url) as session:
        for path in ("/v1/programmes/42500", "/v1/programmes/42501", "/nowhere"):
            await session.get(path)
    text = await get_once_up(metrics_url)

    requests = "qabyldau_http_requests_total"
    assert total(text, requests, route=SUBMIT, method="POST", status="2xx", problem="") == 40
    assert total(text, requests, route="/v1/programmes/{programme}", status="2xx") == 1
    assert total(text, requests, route="/v1/programmes/{programme}", problem="not_found") == 1
    assert total(text, requests, route="unmatched", status="4xx") == 1
    assert total(text, "qabyldau_http_request_seconds_count", route=SUBMIT) == 40
    assert total(text, "qabyldau_http_request_seconds_bucket", route=SUBMIT, le="+Inf") == 40
    assert total(text, "qabyldau_admission_batch_size_sum", programme=PROGRAMME) == 40
    batches = total(text, "qabyldau_admission_batch_size_count", programme=PROGRAMME)
    assert total(text, "qabyldau_redis_round_trip_seconds_count", verb="admit") == batches
    assert total(text, "qabyldau_slots_live", programme=PROGRAMME) == 40


async def test_what_a_killed_process_counted_is_neither_lost_nor_counted_twice(
    gateway: subprocess.Popen[bytes], metrics_url: str, url: str, tmp_path: Path
) -> None:
    requests = "qabyldau_http_requests_total"
    await submit(url, 40)
    before = children(gateway)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: (tmp_path / "gateway.log").read_text().count("Started worker-") == 3)
    assert total(await get_once_up(metrics_url), requests, route=SUBMIT, status="2xx") == 40
    await submit(url, 40)

    assert total(await get_once_up(metrics_url), requests, route=SUBMIT, status="2xx") == 80
    assert counting_processes(tmp_path) == 3
    assert len(children(gateway)) == 2


async def test_sums_outlive_the_gateway_and_begin_with_its_next_run(
    environment: dict[str, str], metrics_url: str, url: str, tmp_path: Path
) -> None:
    log, alone = tmp_path / "gateway.log", environment | {"QABYLDAU_GATEWAYS": "1"}
    for run in (1, 2):
        with running("gateway", alone, log):
            wait_until(lambda: "Started worker-" in log.read_text())
            await submit(url, 5)
        text = await get_once_up(metrics_url)
        assert total(text, "qabyldau_http_requests_total", route=SUBMIT) == 5
        assert total(text, "qabyldau_slots_live") == 5 * run


async def test_what_is_refused_unread_is_told_with_its_reason(
    environment: dict[str, str], metrics_url: str, url: str, tmp_path: Path
) -> None:
    programme = (CONFIG_DIR / "programmes" / f"{PROGRAMME}.toml").read_text()
    once_a_minute, changed = re.subn(
        r"\naddress = .*", "\naddress = { count = 1, window_seconds = 60 }", programme
    )
    assert changed == 1
    (tmp_path / "programmes").mkdir()
    (tmp_path / "programmes" / f"{PROGRAMME}.toml").write_text(once_a_minute)
    strict = environment | {
        "QABYLDAU_GATEWAYS": "1",
        "QABYLDAU_PROGRAMMES_DIR": str(tmp_path / "programmes"),
    }
    log = tmp_path / "gateway.log"
    with running("gateway", strict, log):
        wait_until(lambda: "Started worker-" in log.read_text())
        async with aiohttp.ClientSession(url) as session:
            # The second is refused by Redis, the third by the process that remembers it.
            statuses = [(await session.post(APPLICATIONS, json=form())).status for _ in range(3)]
        text = await get_once_up(metrics_url)

    assert statuses == [202, 429, 429]
    assert total(text, "qabyldau_http_requests_total", problem="rate_limited", status="4xx") == 2
    assert total(text, "qabyldau_http_shed_total", reason="address") == 1


async def test_no_label_repeats_what_somebody_sent(
    gateway: subprocess.Popen[bytes], metrics_url: str, url: str
) -> None:
    iin, iban, phone, name = new_iin(), new_iban(), new_phone(), "Канарейка Жасырын"
    fields = form(iin=iin, iban=iban, full_name=name, email="canary@example.kz")
    async with aiohttp.ClientSession(url, headers={"X-Forwarded-For": "192.0.2.77"}) as session:
        first = await (await session.post(APPLICATIONS, json=fields)).json()
        bearer = {"Authorization": f"Bearer {first['receipt']}"}
        for method, path in [
            ("POST", f"/v1/applications/{first['id']}/phone"),
            ("POST", f"/v1/applications/{first['id']}/confirmation"),
            ("GET", f"/v1/applications/{first['id']}?iin={iin}"),
            ("GET", f"/v1/applications/{iin}"),
            ("POST", f"/v1/programmes/{iban}/applications"),
            ("PUT", f"/v1/programmes/{name}"),
            ("POST", "/v1/receipts"),
            ("POST", "/v1/decisions"),
            ("GET", f"/{phone}/{name}"),
            ("CANARY", f"/v1/applications/{phone}"),
            (f"X{iin}", "/health/live"),
        ]:
            await session.request(method, path, json={"phone": phone, "code": iin}, headers=bearer)
    text = await get_once_up(metrics_url)

    sent = [iin, iban, phone, phone[1:], name, "Канарейка", "canary", "CANARY", "192.0.2.77", *first.values()]
    assert [value for value in sent if isinstance(value, str) and value and value in text] == []
    assert total(text, "qabyldau_http_requests_total", method="other") == 2
    families = list(text_string_to_metric_families(text))
    labels = {pair for family in families for sample in family.samples for pair in sample.labels.items()}
    assert [pair for pair in labels if not re.fullmatch(LABELS[pair[0]], pair[1])] == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("QABYLDAU_REDIS_URL", ""),
        ("QABYLDAU_OPERATORS_PORT", "none"),
        ("QABYLDAU_PROGRAMMES_DIR", "/nowhere"),
    ],
)
def test_wrong_settings_stop_the_start_with_one_line(
    environment: dict[str, str], variable: str, value: str, tmp_path: Path
) -> None:
    log = tmp_path / "operators.log"
    with running("gateway.operators.serve", environment | {variable: value}, log) as process:
        assert process.wait() == 2

    assert len(log.read_text().splitlines()) == 1


def test_a_gateway_that_can_count_nowhere_says_so_in_one_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "counts").touch()
    log = tmp_path / "gateway.log"
    with running("gateway", environment, log) as process:
        assert process.wait() == 2

    assert str(tmp_path / "counts") in log.read_text()
    assert len(log.read_text().splitlines()) == 1


def test_no_process_outlives_a_server_that_is_killed(environment: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "operators.log"
    with running("gateway.operators.serve", environment, log) as process:
        wait_until(lambda: "Started worker-" in log.read_text())
        serving = children(process)
        assert len(serving) == 1
        process.kill()

        wait_until(lambda: not any(map(is_alive, serving)))
