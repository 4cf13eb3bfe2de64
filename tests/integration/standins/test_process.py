import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from config.keys import create_keys

from .conftest import Standins, eventually


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def start(data_dir: Path, port: int, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadtests.standins",
        *arguments,
        env={**os.environ, "QABYLDAU_DATA_DIR": str(data_dir), "QABYLDAU_STANDINS_PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    create_keys(tmp_path / "keys.toml")
    port = free_port()
    started = await start(tmp_path, port, "--gateway-url", "http://127.0.0.1:1")
    yield started, f"http://127.0.0.1:{port}"
    if started.returncode is None:
        started.kill()
    await started.communicate()


async def is_up(standins: Standins) -> bool:
    try:
        await standins.get("/faults")
    except aiohttp.ClientError:
        return False
    return True


async def test_the_process_stops_on_sigterm_while_a_call_hangs_and_logs_no_text(
    process: tuple[asyncio.subprocess.Process, str], session: aiohttp.ClientSession
) -> None:
    standins = Standins(process[1], session)
    await eventually(lambda: is_up(standins))
    form = {"login": "a", "psw": "b", "phones": "77011234567", "mes": "канарейка 123456"}
    await standins.ask("GET", "/sms/sys/send.php", params={**form, "fmt": "3", "charset": "utf-8"})
    await standins.ask("GET", "/sms/sys/send.php", params={**form, "mes": "%ff", "fmt": "3"})
    await standins.break_system("sms", hang=True)
    hanging = asyncio.create_task(standins.ask("POST", "/sms/rest/send/", json=form))
    await asyncio.wait([hanging], timeout=0.2)

    process[0].send_signal(signal.SIGTERM)
    output, _ = await process[0].communicate()
    await asyncio.wait([hanging])

    assert process[0].returncode == 0
    assert output == b""
    hanging.exception()


async def test_without_keys_the_start_stops_with_one_clear_line(tmp_path: Path) -> None:
    started = await start(tmp_path, free_port())

    output, _ = await started.communicate()

    assert started.returncode == 1
    assert output.decode().count("\n") == 1
    assert "keys.toml" in output.decode()
