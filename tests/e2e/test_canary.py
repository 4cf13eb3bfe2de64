"""One person's data on a way on which everything goes wrong: nowhere do they stand in the open."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from redis.asyncio import Redis

from config.keys import load_keys
from config.settings import CONFIG_DIR
from gateway.domain.case import job_id
from gateway.sealing import KeyRing
from loadtests.surge.books.traces import disguises
from tests.e2e.applicants import Accepted, Applicant, Crowd, open_session
from tests.e2e.collector import Collector, collecting
from tests.e2e.in_clear import files_of, found_in_clear
from tests.e2e.stack import Stack, running
from workers.steps.process_case import MOST_TAKES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

# The stand-in of the Labour Market does not know this one the first two times.
UNKNOWN_TWICE = "900101399928"

# Lies in a record in Redis in the place of a state, and is in the message of the exception that meets it.
IN_A_MESSAGE = "kanareika-v-soobshchenii"

# Events of a worker that speak of one case.
OF_A_CASE = {"system_away", "answered_wrong", "case_failed", "job_failed", "dead_letter"}


class Scene:
    """The running service, a way to break it, and all that it answered."""

    def __init__(
        self, stack: Stack, session: aiohttp.ClientSession, redis: Any, collector: Collector
    ) -> None:
        self.stack, self.redis, self.collector = stack, redis, collector
        self.crowd = Crowd(session, stack.gateway, stack.standins)
        self.answers: list[str] = []
        self._session = session

    async def fault(self, system: str, **knobs: object) -> None:
        async with self._session.put(f"{self.stack.standins}/faults/{system}", json=knobs) as answer:
            answer.raise_for_status()

    async def ask(self, method: str, path: str, **more: Any) -> int:
        async with self._session.request(method, self.stack.gateway + path, **more) as answer:
            self.answers.append(f"{answer.headers} {await answer.text()}")
            return answer.status

    async def scrape(self) -> str:
        async with self._session.get(f"{self.stack.operators}/metrics") as answer:
            return await answer.text()

    async def until_said(self, event: str, one: Accepted) -> None:
        """Wait for a line about this case; the test's own time limit ends a wait in vain."""
        while not any(
            line["event"] == event and line.get("application_id") == one.id for line in lines(self.stack)
        ):
            await self.hurry(one)
            await asyncio.sleep(0.1)

    async def until_traced(self, error: str, one: Accepted) -> None:
        """Wait for a span in a trace of this case that ended so."""
        while True:
            spans = self.collector.spans
            ours = {span.trace for span in spans if span.facts.get("application_id") == one.id}
            if any(span.facts.get("error.type") == error and span.trace in ours for span in spans):
                return
            await asyncio.sleep(0.1)

    async def hurry(self, one: Accepted) -> None:
        """Nobody has to sit out the pause before the next try."""
        await self.redis.zadd("{42500}:cases", {job_id(one.id): 1}, xx=True)


def lines(stack: Stack) -> list[dict[str, Any]]:
    """What gateways and workers said; the supervisor puts a name before each line."""
    found = re.findall(r"^[^{\n]*(\{\".*\})$", stack.log.read_text(), re.MULTILINE)
    return [msgspec.json.decode(line) for line in found]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    programmes = tmp_path / "programmes"
    shutil.copytree(CONFIG_DIR / "programmes", programmes)
    file = programmes / "42500.toml"
    file.write_text(re.sub("unknown_retry_seconds = .*", "unknown_retry_seconds = 1", file.read_text()))
    async with collecting() as collector:
        traces = {"traces_url": collector.url, "traces_share": "1"}
        with running(tmp_path / "data", programmes_dir=str(programmes), log_level="debug", **traces) as stack:
            async with open_session() as session, connected(embedded_redis(stack)) as redis:
                yield Scene(stack, session, redis, collector)


def embedded_redis(stack: Stack) -> str:
    return (stack.data_dir / "redis.url").read_text()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    redis = Redis.from_url(url)
    try:
        yield redis
    finally:
        await redis.aclose()


async def go_through_with_faults(scene: Scene) -> Accepted:
    """Bad replies, parked twice, a system away; decided in the end."""
    await scene.fault("labour-market", wrong_schema=True)
    one = await scene.crowd.apply(Applicant(1, iin=UNKNOWN_TWICE))
    await scene.until_said("answered_wrong", one)
    await scene.fault("labour-market")
    await scene.fault("e-maket", error_rate=1)
    await scene.until_said("system_away", one)
    await scene.fault("e-maket", wrong_schema=True)
    while not [line for line in lines(scene.stack) if line.get("system") == "e_maket" and "code" in line]:
        await scene.hurry(one)
        await asyncio.sleep(0.1)
    await scene.fault("e-maket")
    await scene.hurry(one)
    await scene.crowd.until_all([one], "assigned", seconds=60)
    return one


async def become_a_dead_letter(scene: Scene) -> Accepted:
    """A record that cannot be read any more, in two ways; the second for good."""
    await scene.fault("labour-market", error_rate=1)
    one = await scene.crowd.apply(Applicant(2))
    await scene.until_said("system_away", one)
    case = f"{{42500}}:case:{one.id}"
    history = await scene.redis.hget(case, "history")
    await scene.redis.hset(case, "history", f"{IN_A_MESSAGE}:1")
    await scene.until_said("job_failed", one)
    bearer = {"Authorization": f"Bearer {one.receipt}"}
    assert await scene.ask("GET", f"/v1/applications/{one.id}", headers=bearer) == 500
    keys = load_keys(scene.stack.data_dir / "keys.toml")
    form = {field: str(value) for field, value in one.applicant.form.items()} | {"iin": 0}
    sealed = KeyRing(keys.sealing, keys.active, keys.lookup).seal(msgspec.msgpack.encode(form), one.id)
    await scene.redis.hset(case, mapping={"history": history, "body": sealed, "takes": MOST_TAKES - 1})
    await scene.fault("labour-market")
    await scene.until_said("dead_letter", one)
    await scene.crowd.until_all([one], "parked", seconds=30)
    return one


async def be_refused_in_every_way(scene: Scene, one: Accepted) -> None:
    """Send what is personal where it does not belong."""
    form, phone = one.applicant.form, one.applicant.phone
    applications = "/v1/programmes/42500/applications"
    bearer = {"Authorization": f"Bearer {one.receipt}"}
    for secret in one.applicant.secrets_in_clear:
        wrong = dict.fromkeys(form, f"{secret}~") | {secret: secret}
        assert await scene.ask("POST", applications, json=wrong) == 422
        assert await scene.ask("POST", applications, data=f'{{"iin": "{secret}"'.encode()) in {400, 415}
        assert await scene.ask("GET", f"/v1/applications/{secret}?iin={secret}", headers=bearer) == 404
        assert await scene.ask("GET", f"/{secret}") == 404
        assert (
            await scene.ask("POST", f"/v1/applications/{one.id}/phone", json={"phone": f"{secret}!"}) == 404
        )
        number = {"number": secret, "phone": phone}
        assert await scene.ask("POST", "/v1/receipts", json=number) in {202, 422, 429}
    assert await scene.ask("POST", applications, json=form | {"category": "single_aggregate_payer"}) == 422
    assert (
        await scene.ask("POST", f"/v1/applications/{one.id}/phone", json={"phone": phone}, headers=bearer)
        == 409
    )


def needles_of(people: list[Accepted]) -> set[bytes]:
    secrets = [secret for one in people for secret in [*one.applicant.secrets_in_clear, one.receipt]]
    return {needle for secret in secrets for needle in disguises(secret)}


async def test_nothing_personal_stands_in_the_open_whatever_goes_wrong(scene: Scene) -> None:
    people = [await go_through_with_faults(scene), await become_a_dead_letter(scene)]
    await be_refused_in_every_way(scene, people[0])
    await scene.redis.config_set("rdbcompression", "no")
    await scene.redis.save()
    metrics, needles, stack = await scene.scrape(), needles_of(people), scene.stack

    assert found_in_clear(stack, needles) == []
    await scene.until_traced("SystemAnsweredWrong", people[0])
    await scene.until_traced("ValidationError", people[1])
    told = "".join([metrics, *scene.answers, stack.log.read_text()]).encode() + scene.collector.received
    assert [needle for needle in needles | disguises(IN_A_MESSAGE) if needle in told] == []

    # The search itself can find: ids stand in log and register, in Redis' files and the jobs' arguments.
    files = files_of(stack)
    jobs = re.findall(rb"arq:job:[^\r\n]+\r\n\$\d+\r\n([^\r\n]+)", b"".join(files.values()))
    for one in people:
        id_, bare = one.id.encode(), one.id.partition("-")[2].encode()
        assert any(bare in arguments for arguments in jobs)
        for name in ("service.log", "dump.rdb"):
            assert id_ in files[name]
        assert any(id_ in content for name, content in files.items() if name.startswith("register.db"))
    check_lines(stack, {one.id for one in people})


def check_lines(stack: Stack, ids: set[str]) -> None:
    """Every line that speaks of a case says of which, and all that went wrong was said."""
    said = lines(stack)
    of_cases = [line for line in said if line["event"] in OF_A_CASE and line.get("job") == "process_case"]
    of_mistakes = [line for line in said if line["event"] == "unexpected_error"]

    assert {line["event"] for line in of_cases} == OF_A_CASE
    assert {line.get("application_id") for line in [*of_cases, *of_mistakes]} == ids
    assert [(line["error"], "frames" in line) for line in of_mistakes] == [("ValueError", True)]
    is_of_case: Callable[[dict[str, Any]], bool] = lambda line: "{application_id}" in line.get("route", "")  # noqa: E731
    assert {line["application_id"] for line in filter(is_of_case, said) if line["status"] < 400} == ids
