"""The application with its store and its register, and a look at all they leave behind."""

import asyncio
import io
import secrets
import sqlite3
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx

from config.keys import Keys
from config.settings import Settings
from gateway.app import create_app
from supervisor.valkey import ValkeyProcess
from tests.integration.http.journey import Journey, alive, new_iban, new_iin, new_phone
from tests.integration.http.machines.canaries import EMAIL, NAME, Person, disguises
from tests.integration.http.machines.contract import check_problem
from tests.integration.http.machines.odd_calls import Call
from tests.integration.http.waiting import WaitingRoom

T = TypeVar("T")


class World:
    """The application as a server runs it, and everything that it leaves behind."""

    def __init__(self, valkey: ValkeyProcess, data_dir: Path, logs: io.BytesIO) -> None:
        self.valkey, self.data_dir, self.logs, self.is_away = valkey, data_dir, logs, False
        self.keys = Keys({1: secrets.token_bytes(32)}, 1, secrets.token_bytes(32), secrets.token_bytes(32))
        self.loop, self.stack = asyncio.new_event_loop(), AsyncExitStack()
        app = create_app(Settings(redis_url=valkey.url, data_dir=data_dir), self.keys)
        self.do(self.stack.enter_async_context(alive(app)))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=cast("Any", app)),
            base_url="http://gateway",
            event_hooks={"response": [self.check_answer]},
        )
        self.journey = Journey(self.do(self.stack.enter_async_context(client)), app.state.services)
        self.room = WaitingRoom(self.journey)

    def do(self, call: Awaitable[T]) -> T:
        return self.loop.run_until_complete(call)

    def at_once(self, sent: Sequence[Awaitable[T]]) -> list[T]:
        async def gathered() -> list[T]:
            return await asyncio.gather(*sent)

        return self.do(gathered())

    def send(self, call: Call) -> None:
        client = self.journey.client
        self.do(client.request(call.method, call.path, headers=call.headers, content=call.body))

    def begin(self) -> None:
        """Forget everybody, and whose data to look for."""
        if not self.valkey.is_running():
            self.come_back()
        self.is_away = False
        self.do(self.journey.redis.flushall())
        # The line that was lost has no tickets any more, and this process knows it.
        self.do(self.room.keeper.refresh())
        self.canaries = disguises(NAME) | disguises(EMAIL)
        self.read = {path: path.stat().st_size for path in self.aof()}

    def come_back(self) -> None:
        self.valkey.start()
        self.do(self.journey.redis_is_back())

    def aof(self) -> list[Path]:
        """What Valkey ever wrote, in clear: every key and value, with those that are gone again."""
        return list((self.valkey.data_dir / "valkey" / "appendonlydir").glob("*.aof"))

    def new_person(self) -> Person:
        person = Person(new_iin(), new_iban(), new_phone())
        self.canaries |= disguises(person.iin) | disguises(person.iban[4:]) | disguises(person.phone[2:])
        return person

    def check_hidden(self, data: bytes) -> None:
        # JSON inside of JSON is escaped once more.
        data += data.replace(b"\\\\", b"\\")
        assert [canary for canary in self.canaries if canary in data] == []

    async def check_answer(self, reply: httpx.Response) -> None:
        body = await reply.aread()
        self.check_hidden(b"\n".join([body, *(name + b": " + value for name, value in reply.headers.raw)]))
        assert reply.is_error or reply.status_code in {200, 202, 204}
        if reply.is_error and reply.request.method != "HEAD":
            check_problem(reply.json(), reply, is_away=self.is_away)

    def check_traces(self) -> None:
        self.check_hidden(self.logs.getvalue())
        self.logs.seek(0)
        self.logs.truncate()
        for path in self.aof():
            with path.open("rb") as file:
                file.seek(self.read.get(path, 0))
                self.check_hidden(file.read())
                self.read[path] = file.tell()
        with closing(sqlite3.connect(self.data_dir / "register.db")) as register:
            # A dump has blobs in hexadecimal.
            self.check_hidden("\n".join(register.iterdump()).encode())
