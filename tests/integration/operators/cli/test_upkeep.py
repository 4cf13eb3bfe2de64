import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from redis import Redis

from gateway.operators.cli.opening import Office
from tests.conftest import free_port
from tests.integration.inflight.people import accepted
from tests.integration.operators.cli.machine import PROGRAMME, VERIFYING, Machine
from tests.integration.operators.processes import ROOT, wait_until


@pytest.fixture
def standins(served: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The systems of the state, on the port that the settings name."""
    port = free_port()
    monkeypatch.setenv("QABYLDAU_STANDINS_PORT", str(port))
    process = subprocess.Popen([sys.executable, "-m", "loadtests.standins"], cwd=ROOT)
    wait_until(lambda: is_open(port))
    yield
    process.terminate()
    process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_sweep_finds_what_the_workers_forgot(served: Machine, redis_url: str) -> None:
    async def accept(office: Office) -> str:
        return (await accepted(office.store, "somebody", limit=10)).id

    application_id = served.inside(accept)
    with Redis.from_url(redis_url) as redis:
        redis.delete(f"{{{PROGRAMME}}}:cases", f"arq:job:{{{PROGRAMME}}}-{application_id[6:]}")
        redis.zadd(f"{{{PROGRAMME}}}:active", {application_id: int(time.time() * 1000) - 60_000})

    assert served.json("recover")[PROGRAMME]["requeued"] == 1

    assert served.outcomes("recover") == ["requested", "done"]
    assert "requeued" in served.done("recover")


def test_books_that_agree_are_told(standins: None, served: Machine) -> None:
    books = served.json("reconcile")[PROGRAMME]

    assert (books["accepted"], books["registered"], books["at_e_maket"]) == (0, 0, 0)
    assert "agree" in served.done("reconcile")


def test_books_that_differ_are_an_exit_code_and_say_in_what(standins: None, served: Machine) -> None:
    served.registered(VERIFYING)

    told = served.run("reconcile")

    assert told.exit_code == 1
    assert "unaccounted: -1" in told.stdout


def test_a_system_that_does_not_answer_is_said(served: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QABYLDAU_STANDINS_PORT", str(free_port()))

    assert "ConnectorError" in served.refused(4, "reconcile")
