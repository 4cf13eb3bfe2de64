"""What breaks during a run, at its time."""

import asyncio
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import aiohttp
import msgspec
from msgspec import Struct

from loadtests.surge.profiles import Break, Fault, Heal, Kill, Process, SetLimit
from loadtests.surge.service import Service, ServiceError


class Happened(Struct, frozen=True):
    """A fault as it happened; `error` is empty when it did."""

    at_us: int
    what: str
    error: str = ""


def read_faults(path: Path) -> list[Happened]:
    return [msgspec.json.decode(line, type=Happened) for line in path.read_bytes().splitlines()]


class Injector:
    """`service` is None for one that runs elsewhere, where only the stand-ins can be reached."""

    def __init__(
        self, session: aiohttp.ClientSession, standins: str, programme: str, service: Service | None
    ) -> None:
        self._session, self._standins = session, standins
        self._programme, self._service = programme, service

    async def inject(self, faults: Sequence[Fault], began_at: float, path: Path) -> None:
        """Let all happen, counted from epoch second `began_at`, and write down what did."""
        with path.open("wb", buffering=0) as file:
            for fault in faults:
                await asyncio.sleep(max(began_at + fault.at_seconds - time.time(), 0))
                at_us = time.time_ns() // 1000
                error = await self._try(fault)
                file.write(msgspec.json.encode(Happened(at_us, str(fault), error)) + b"\n")

    async def _try(self, fault: Fault) -> str:
        try:
            await self._do(fault)
        except (ServiceError, aiohttp.ClientError, TimeoutError) as error:
            return str(error) or type(error).__name__
        return ""

    async def _do(self, fault: Fault) -> None:
        match fault:
            case Break(system=system, knobs=knobs):
                await self._call("PUT", f"/faults/{system}", msgspec.to_builtins(knobs))
            case Heal():
                await self._call("DELETE", "/faults", None)
            case Kill(what=what) if self._service:
                self._service.kill(what)
                if what is Process.REDIS:
                    await asyncio.to_thread(self._service.keep_whole_aof)
            case SetLimit(limit=limit) if self._service:
                await asyncio.to_thread(self._service.set_limit, self._programme, limit)
            case _:
                raise ServiceError("a service that runs elsewhere is not reached into")

    async def _call(self, method: str, path: str, body: object) -> None:
        async with self._session.request(method, f"{self._standins}{path}", json=body) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise ServiceError(await response.text())
