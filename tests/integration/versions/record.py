"""What lies in the stores when a version stops, written down for those that come after it.

`python -m tests.integration.versions.record` writes records.json anew. That is for a version whose records
differ: the old file is kept under another name, and goes on being read.
"""

import asyncio
import base64
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from redis.asyncio import Redis

from config.keys import create_keys
from config.settings import load_settings
from gateway.domain.case import new_application_id
from gateway.domain.tickets import Place, Ticket, write_ticket
from gateway.inflight.admission import Admission, AdmissionRules, Admitted, admit
from gateway.inflight.confirmation import SealedCode, give_phone
from gateway.inflight.progress import take
from supervisor.valkey import ValkeyProcess
from tests.conftest import free_port
from tests.integration.workers.world import PASSES, PHONE, PHONE_RULES, UNLIMITED, World, made_up_iins
from workers.main import open_tools
from workers.steps.messages import CodeMessage
from workers.steps.register import entry_of

FILE = Path(__file__).parent / "records.json"
CODE, RECEIPT_HASH = "123456", "ab" * 32
LATER_MS = 4_000_000_000_000
TABLES = ("applications", "history", "counters")


async def lease(world: World) -> str:
    """An application whose code was sent and is not confirmed yet."""
    ring, programme = world.tools.keyring, world.tools.programme.code
    one, iin = new_application_id(programme), made_up_iins(1)[0]
    admission = Admission(
        one, "a" * 32, ring.person(programme, iin), "0" * 16, RECEIPT_HASH, b"", "", "", b""
    )
    rules = AdmissionRules(100, LATER_MS, 100, 5, UNLIMITED, UNLIMITED)
    assert isinstance((await admit(world.tools.store, programme, rules, [admission]))[0], Admitted)
    message = msgspec.msgpack.encode(CodeMessage(PHONE, f"Код: {CODE}"))
    sealed = SealedCode(
        ring.phone(PHONE),
        ring.block(PHONE),
        ring.seal(PHONE.encode(), one),
        ring.code_hash(one, CODE),
        ring.seal(message, one),
        ring.address(b"\x7f\0\0\1"),
    )
    codes = msgspec.structs.replace(PHONE_RULES, lease_after_code_ms=LATER_MS)
    await give_phone(world.tools.store, programme, codes, (one, RECEIPT_HASH), sealed)
    return one


async def parked(world: World) -> str:
    """A case that only the register has."""
    one = await world.accept(made_up_iins(2)[1])
    case = await take(world.tools.store, world.tools.programme.code, one)
    assert case is not None
    await world.tools.journal.register(entry_of(one, case, "entrepreneur"))
    at_ms = case.history[-1].at_ms + 1
    await world.tools.journal.park(one, at_ms, case.fence, "labour_market_unknown", at_ms)
    redis = world.tools.store.redis
    await redis.delete(f"{{42500}}:case:{one}", f"arq:job:{{42500}}-{one[6:]}")
    for key, member in (("active", one), ("cases", f"{{42500}}-{one[6:]}"), ("slots", case.person)):
        await redis.zrem(f"{{42500}}:{key}", member)
    return one


async def redis_records(redis: Redis) -> dict[str, Any]:
    """Every key as its type and contents."""
    found: dict[str, Any] = {}
    for key in sorted(await redis.keys("*")):
        match (await redis.type(key)).decode():
            case "hash":
                fields = await redis.hgetall(key)  # type: ignore[misc]  # redis-py types one method for sync and async.
                found[key.decode()] = {
                    name.decode(): text_of(value) for name, value in sorted(fields.items())
                }
            case "string":
                found[key.decode()] = text_of(await redis.get(key))
            case "zset":
                found[key.decode()] = [
                    [m.decode(), s] for m, s in await redis.zrange(key, 0, -1, withscores=True)
                ]
    return found


def register_rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [
                {
                    name: text_of(value) if isinstance(value, bytes) else value
                    for name, value in dict(row).items()
                }
                for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - Names of our own.
            ]
            for table in TABLES
        }


def text_of(value: bytes) -> str:
    return base64.b64encode(value).decode()


async def record(folder: Path, redis_url: str) -> dict[str, Any]:
    settings = load_settings({"QABYLDAU_REDIS_URL": redis_url, "QABYLDAU_DATA_DIR": str(folder)})
    create_keys(settings.keys_path)
    async with open_tools(settings) as opened, aiohttp.ClientSession() as session:
        world = World(opened.programmes[0], settings, session)
        ring = world.tools.keyring
        cases = {
            "accepted": await world.accept(PASSES),
            "lease": await lease(world),
            "parked": await parked(world),
        }
        place = Place(lane=0, number=7, again=False, epoch=1)
        ticket = Ticket("42500", place, ring.person("42500", PASSES)[:16])
        return {
            "keys": settings.keys_path.read_text(),
            "cases": cases,
            "ticket": write_ticket(ticket, ring.sign),
            "redis": await redis_records(world.tools.store.redis),
            "register": register_rows(folder / "register.db"),
        }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        valkey = ValkeyProcess(Path(folder), free_port())
        valkey.start()
        try:
            found = asyncio.run(record(Path(folder), valkey.url))
        finally:
            valkey.stop()
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
