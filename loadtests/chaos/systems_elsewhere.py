"""Stand-ins of the state systems that outlive the service: they remember what we lose."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from loadtests.chaos.service import ROOT


@asynccontextmanager
async def systems_elsewhere(keys: Path, gateway_url: str, port: int) -> AsyncIterator[None]:
    """Decisions go to the gateway named here, signed with the key of this file."""
    environ = {**os.environ, "QABYLDAU_STANDINS_PORT": f"{port}", "QABYLDAU_KEYS_FILE": f"{keys}"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtests.standins", "--gateway-url", gateway_url), cwd=ROOT, env=environ
    )
    try:
        while not _listens(port):  # noqa: ASYNC110 - Another process tells nobody.
            await asyncio.sleep(0.05)
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def settings_for(port: int) -> dict[str, str]:
    """What a service is told that asks them."""
    url = f"http://127.0.0.1:{port}"
    return {
        "QABYLDAU_LABOUR_MARKET_URL": f"{url}/labour-market",
        "QABYLDAU_E_MAKET_URL": f"{url}/e-maket",
        "QABYLDAU_SMS_URL": f"{url}/sms",
        "QABYLDAU_SMS_LOGIN": "stand-in",
        "QABYLDAU_SMS_PASSWORD": "stand-in",
    }


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
