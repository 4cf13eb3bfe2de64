"""Composition root of the worker process and of its commands.

`python -m workers.main run` processes cases until SIGTERM; `reconcile` compares the books and prints JSON
(exit code 1 when they differ); `recover` sweeps once; `adopt` takes over from E-Maket what happened after a
copy that was restored; `replay` lets dead letters be tried again; `erase` erases personal data whose time is
over.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
import msgspec
import structlog
import uvloop

from config.keys import KeysError, load_keys
from config.settings import Settings, SettingsError, find_redis_url, load_settings
from gateway.counting import LEDGER, claim_folder
from gateway.domain.calendar import ALMATY
from gateway.domain.programme import ProgrammeError, load_programmes
from gateway.domain.texts import TextsError, load_texts
from gateway.inflight.addresses import parse_address
from gateway.inflight.pools import open_pool
from gateway.inflight.records import KEPT_MS
from gateway.inflight.shards import connect_store
from gateway.register.journal import open_journal
from gateway.register.migrate import migrate
from gateway.register.store import parse_dsn
from gateway.sealing import KeyRing
from gateway.tracing import TRACES
from workers.adopting import adopt
from workers.logs import configure_logs
from workers.queues import Queue, queues_of
from workers.reconciliation import fetch_effects, reconcile
from workers.recovery import erase, recover, replay_dead_letters, restore_missing
from workers.steps import metrics as of_cases
from workers.systems import metrics as of_systems
from workers.systems.e_maket import HttpEMaket
from workers.systems.fetch import open_session
from workers.systems.labour_market import HttpLabourMarket
from workers.systems.mobile_citizens import HttpMobileCitizens
from workers.systems.sms import SmscProvider
from workers.tools import Boundary, Tools, no_boundary

log = structlog.get_logger()


class Opened(msgspec.Struct, frozen=True):
    """What a command works with: the tools of each programme, and the session for what is not one of them."""

    programmes: list[Tools]
    session: aiohttp.ClientSession


@asynccontextmanager
async def open_tools(settings: Settings, boundary: Boundary = no_boundary) -> AsyncIterator[Opened]:
    """Open everything once for all programmes; raises KeysError, ProgrammeError, TextsError."""
    keys = load_keys(settings.keys_path)
    keyring = KeyRing(keys.sealing, keys.active, keys.lookup)
    programmes = load_programmes(settings.programmes_dir)
    texts = load_texts(settings.messages_dir)
    await migrate(settings.register_dsn)
    redis_url, timeout_ms = settings.redis_url, settings.redis_timeout_ms
    store = connect_store(redis_url, timeout_ms, replicas=settings.redis_replicas)
    journal = open_journal(settings.register_dsn)
    offset = datetime.now(ALMATY).utcoffset() or timedelta()
    deadline_ms = settings.system_timeout_ms
    try:
        async with open_session() as session:
            every = [
                Tools(
                    programme=programme,
                    limit_seed=settings.limit or programme.slots,
                    store=store,
                    journal=journal,
                    keyring=keyring,
                    mobile_citizens=HttpMobileCitizens(
                        session, settings.mobile_citizens_base_url, deadline_ms
                    ),
                    labour_market=HttpLabourMarket(session, settings.labour_market_base_url, deadline_ms),
                    e_maket=HttpEMaket(session, settings.e_maket_base_url, deadline_ms),
                    sms=_sms_provider(settings, session),
                    texts=texts,
                    day_offset_ms=int(offset.total_seconds() * 1000),
                    kept_ms=KEPT_MS,
                    boundary=boundary,
                )
                for programme in programmes.values()
            ]
            yield Opened(every, session)
    finally:
        await journal.close()
        await store.aclose()


def _sms_provider(settings: Settings, session: aiohttp.ClientSession) -> SmscProvider:
    return SmscProvider(
        session,
        settings.sms_base_url,
        settings.system_timeout_ms,
        login=settings.sms_login,
        password=settings.sms_password,
        sender=settings.sms_sender,
    )


async def run(settings: Settings, boundary: Boundary = no_boundary) -> int:
    """Work until SIGTERM or SIGINT; running jobs are finished, or left to be run again."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    LEDGER.open(claim_folder(settings.counts_dir), "worker")
    TRACES.begin("qabyldau-worker", settings.traces_url)
    async with open_tools(settings, boundary) as opened:
        _begin_counting(opened.programmes)
        beating = asyncio.create_task(LEDGER.keep_beating())
        queues = [queue for tools in opened.programmes for queue in _queues_of(tools, settings)]
        running = [asyncio.create_task(queue.run()) for queue in queues]
        log.info("worker_started", programmes=[tools.programme.code for tools in opened.programmes])
        await stopping.wait()
        for queue in queues:
            queue.stop()
        await asyncio.gather(*running, return_exceptions=True)
        beating.cancel()
        await asyncio.to_thread(TRACES.end)
        log.info("worker_stopped")
    return 0


def _queues_of(tools: Tools, settings: Settings) -> list[Queue]:
    # A call that has to be made again ends the queue's worker, which is started anew: no retries of its own.
    open_own = partial(
        open_pool, settings.redis_url, settings.redis_timeout_ms, tools.programme.code, retries=0
    )
    return queues_of(tools, open_own)


def _begin_counting(programmes: list[Tools]) -> None:
    of_systems.begin_counting()
    for tools in programmes:
        of_cases.begin_counting(tools.programme.code)


async def run_reconcile(settings: Settings) -> int:
    async with open_tools(settings) as opened:
        effects = await fetch_effects(opened.session, settings.e_maket_base_url)
        books = {tools.programme.code: await reconcile(tools, effects) for tools in opened.programmes}
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(books)).decode() + "\n")
    return 0 if all(one.agree() for one in books.values()) else 1


async def run_recover(settings: Settings) -> int:
    async with open_tools(settings) as opened:
        for tools in opened.programmes:
            found = {**await recover(tools), "restored": await restore_missing(tools)}
            sys.stdout.write(msgspec.json.encode({tools.programme.code: found}).decode() + "\n")
    return 0


async def run_adopt(settings: Settings) -> int:
    async with open_tools(settings) as opened:
        effects = await fetch_effects(opened.session, settings.e_maket_base_url)
        found = {tools.programme.code: await adopt(tools, effects) for tools in opened.programmes}
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    return 0


async def run_replay(settings: Settings) -> int:
    async with open_tools(settings) as opened:
        for tools in opened.programmes:
            sys.stdout.write(f"{tools.programme.code}: replayed {await replay_dead_letters(tools)}\n")
    return 0


async def run_erase(settings: Settings) -> int:
    async with open_tools(settings) as opened:
        for tools in opened.programmes:
            sys.stdout.write(f"{tools.programme.code}: erased {await erase(tools)}\n")
    return 0


COMMANDS: dict[str, Callable[[Settings], Coroutine[Any, Any, int]]] = {
    "run": run,
    "reconcile": run_reconcile,
    "recover": run_recover,
    "adopt": run_adopt,
    "replay": run_replay,
    "erase": run_erase,
}


def complete(settings: Settings) -> Settings:
    """Find Redis, and raise SettingsError for what would otherwise fail somewhere below."""
    found = msgspec.structs.replace(settings, redis_url=find_redis_url(settings))
    try:
        parse_address(found.redis_url)
    except ValueError as error:
        raise SettingsError(f"redis_url (QABYLDAU_REDIS_URL): {error}") from None
    try:
        parse_dsn(settings.register_dsn)
    except ValueError as error:
        raise SettingsError(f"register_url (QABYLDAU_REGISTER_URL): {error}") from None
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m workers.main", description=__doc__)
    parser.add_argument("command", nargs="?", default="run", choices=COMMANDS)
    command = COMMANDS[parser.parse_args().command]
    try:
        settings = complete(load_settings())
        configure_logs(settings.log_level)
        return uvloop.run(command(settings))
    except (SettingsError, KeysError, ProgrammeError, TextsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
