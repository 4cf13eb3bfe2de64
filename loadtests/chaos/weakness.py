"""Cases at which a worker of ours fails, in a process that was started to fail.

A file says how, as JSON, and is read at each call: {"kills": "900101300423"} is the IIN at whose verification
the process dies; "raises" and "hangs" are shares of verifications that raise or never end.
"""

import asyncio
import json
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from loadtests.surge.mutants.breaking import break_module

# Names the file; read by `inside/sitecustomize.py` only.
FILE = "CHAOS_WEAKNESS"

_INSIDE = Path(__file__).parent / "inside"

_Verify = Callable[..., Awaitable[Any]]


def environ_with(file: Path) -> dict[str, str]:
    """What a service with such a weakness is started with; the file need not be there yet."""
    root = _INSIDE.parents[2]
    return {"PYTHONPATH": f"{_INSIDE}{os.pathsep}{root}", FILE: str(file)}


def write(file: Path, **weaknesses: object) -> None:
    # At once, for somebody may be reading.
    new = file.with_suffix(".new")
    new.write_text(json.dumps(weaknesses))
    new.replace(file)


def weaken(file: str) -> None:
    def break_labour_market(module: ModuleType) -> None:
        client = module.HttpLabourMarket
        client.verify = _weak(client.verify, Path(file))

    break_module("workers.systems.labour_market", break_labour_market)


def _weak(verify: _Verify, file: Path) -> _Verify:
    @wraps(verify)
    async def weak(client: object, **question: Any) -> Any:
        weaknesses = json.loads(file.read_text()) if file.exists() else {}  # noqa: ASYNC240 - some bytes.
        if question["iin"] == weaknesses.get("kills"):
            os.kill(os.getpid(), signal.SIGKILL)
        await _fail(weaknesses)
        return await verify(client, **question)

    return weak


async def _fail(weaknesses: Mapping[str, float]) -> None:
    drawn = random.random()  # noqa: S311 - chance, not a secret.
    if drawn < weaknesses.get("raises", 0):
        raise RuntimeError("a weakness")
    if drawn < weaknesses.get("raises", 0) + weaknesses.get("hangs", 0):
        await asyncio.Event().wait()
