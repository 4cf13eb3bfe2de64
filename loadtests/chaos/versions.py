"""Gateway and worker of one version of the code, as processes of their own beside those of another."""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import aiohttp
from aiohttp import web

from loadtests.chaos.service import ROOT, free_ports

_READY_SECONDS = 60.0
_STOP_SECONDS = 15.0


class NoHistory(Exception):
    """This checkout does not have the commit."""


def unpack(commit: str, folder: Path) -> Path:
    """Lay the code of a commit into `folder`. Raises NoHistory."""
    done = subprocess.run(  # noqa: S603 - our own history.
        ["git", "archive", commit],  # noqa: S607 - whichever git there is.
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise NoHistory(commit)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Version:
    """`root` holds its code; both versions share stores and keys through `environ`."""

    def __init__(self, name: str, root: Path, folder: Path, environ: Mapping[str, str]) -> None:
        port, operators_port = free_ports(2)
        self.name, self.port, self.url = name, port, f"http://127.0.0.1:{port}"
        self.log = folder / f"{name}.log"
        self._root = root
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QABYLDAU_")},
            **environ,
            "QABYLDAU_PORT": f"{port}",
            "QABYLDAU_OPERATORS_PORT": f"{operators_port}",
            "QABYLDAU_DATA_DIR": f"{folder / name}",
        }
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        """Return when it takes applications. Raises TimeoutError."""
        with self.log.open("ab") as log:
            for module in ("gateway", "workers.main"):
                self._processes.append(
                    await asyncio.create_subprocess_exec(
                        *(sys.executable, "-m", module),
                        cwd=self._root,
                        env=self._environ,
                        stdout=log,
                        stderr=log,
                    )
                )
        async with asyncio.timeout(_READY_SECONDS):
            while not await asyncio.to_thread(self._is_ready):  # noqa: ASYNC110 - Another process tells nobody.
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for whoever does not heed it; done before, it does nothing."""
        processes, self._processes = self._processes, []
        for process in processes:
            with suppress(ProcessLookupError):
                process.terminate()
        for process in processes:
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


class Balancer:
    """Stands before the gateways: each request goes to the next of `targets`, and is sent once."""

    def __init__(self, port: int) -> None:
        self.url, self._port = f"http://127.0.0.1:{port}", port
        self.targets: Sequence[Version] = ()
        self.served: dict[str, int] = {}
        self._turn = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True)
        ) as session:
            self._session = session
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self._pass_on)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
            try:
                yield
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        self._turn += 1
        target = self.targets[self._turn % len(self.targets)]
        self.served[target.name] = self.served.get(target.name, 0) + 1
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOPS}
        url, body = f"{target.url}{request.rel_url}", await request.read()
        try:
            async with self._session.request(request.method, url, data=body, headers=headers) as reply:
                kept = {name: value for name, value in reply.headers.items() if name.lower() not in _HOPS}
                return web.Response(status=reply.status, body=await reply.read(), headers=kept)
        except (aiohttp.ClientError, TimeoutError):
            return web.json_response({"code": "bad_gateway"}, status=HTTPStatus.BAD_GATEWAY)


# Of one connection only, or told anew.
_HOPS = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "content-encoding"}
)
