"""The runbook for a lost machine, read from its page and executed by a shell; the new one has other ports."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis

from config.keys import create_keys
from tests.conftest import free_port
from tests.e2e.applicants import Applicant, Crowd, open_session
from tests.e2e.stack import ROOT, Stack, started
from tests.integration.operators.cli.test_upkeep import is_open
from tests.integration.operators.processes import wait_until

BEFORE, AFTER = 12, 4

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def runbook() -> str:
    page = (ROOT / "docs" / "operations.md").read_text()
    found = re.search(r"^### The machine is lost$.*?^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found
    # Wherever the tests are installed, the service is too.
    return found[1].replace(".venv/bin/python", sys.executable)


def shell(script: str, environ: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def state_systems(port: int, keys: Path, gateway: str) -> Iterator[None]:
    """They are elsewhere, and remember what we do not."""
    environ = os.environ | {"QABYLDAU_STANDINS_PORT": str(port), "QABYLDAU_KEYS_FILE": str(keys)}
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtests.standins", "--gateway-url", gateway], cwd=ROOT, env=environ
    )
    wait_until(lambda: is_open(port))
    yield
    process.terminate()
    process.wait()


def stack(data_dir: Path, systems_port: int) -> Stack:
    systems = f"http://127.0.0.1:{systems_port}"
    made = Stack(
        data_dir,
        labour_market_url=f"{systems}/labour-market",
        e_maket_url=f"{systems}/e-maket",
        sms_url=f"{systems}/sms",
        sms_login="login",
        sms_password="password",
        trusted_proxies="127.0.0.0/8",
    )
    made.standins = systems
    return made


async def test_a_lost_machine_comes_back_elsewhere(tmp_path: Path) -> None:
    there, here, backup = tmp_path / "there", tmp_path / "here", tmp_path / "backup"
    create_keys(there / "keys.toml")
    here.mkdir()
    shutil.copy(there / "keys.toml", here)
    systems_port = free_port()
    old, new = stack(there, systems_port), stack(here, systems_port)
    with state_systems(systems_port, here / "keys.toml", new.gateway), ExitStack() as cleanup:
        async with open_session() as session:
            cleanup.callback(old.lose)
            old.start()
            crowd = Crowd(session, old.gateway, old.standins)
            kept = await asyncio.gather(*(crowd.apply(Applicant(n)) for n in range(BEFORE)))
            with Redis.from_url(old.redis_url()) as redis:
                # Otherwise it waits for more replicas that might want the same copy.
                redis.config_set("repl-diskless-sync-delay", 0)
            shell(f"./qabyldau backup {backup}", old.environ)
            late = (Applicant(n) for n in range(BEFORE, BEFORE + AFTER))
            lost = await asyncio.gather(*map(crowd.apply, late))
            await crowd.until_all([*kept, *lost], "forwarded", seconds=30)
            old.lose()
            shutil.rmtree(there)

            shell(runbook(), new.environ | {"BACKUP": str(backup)})
            cleanup.enter_context(started(new))
            crowd = Crowd(session, new.gateway, new.standins)
            kept.append(await crowd.apply(Applicant(BEFORE + AFTER)))
            await crowd.until_all(kept, "assigned", seconds=60)

            assert await crowd.effects() == {one.id: 1 for one in [*kept, *lost]}
            numbers = await crowd.numbers()
            assert len(set(numbers)) == len(kept) + len(lost)
            code, books = await new.reconcile()
            assert (code, books["unknown_here"]) == (1, sorted(one.id for one in lost))
            assert (books["accepted"], books["registered"], books["unaccounted"]) == (len(kept), len(kept), 0)
