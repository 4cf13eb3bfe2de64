"""Composition root of the public HTTP process."""

import asyncio
import gc
import multiprocessing
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta

from litestar import Litestar

from config.keys import Keys, create_keys, load_keys
from config.lifeline import die_with_parent
from config.settings import Settings, SettingsError, load_settings
from gateway.counting import LEDGER, folder_of
from gateway.domain.calendar import ALMATY, load_calendar
from gateway.domain.programme import Programme, load_programmes
from gateway.domain.texts import load_texts
from gateway.http import metrics
from gateway.http.clients import Proxies
from gateway.http.crowd import Crowd
from gateway.http.pieces import SpentPieces
from gateway.http.pulse import Pulse
from gateway.http.readiness import Readiness
from gateway.http.register_calls import prepare_register
from gateway.http.routes import Application, build_application
from gateway.http.services import BodyLimits, Intake, Services, Webhook
from gateway.http.summaries import SummaryKeeper
from gateway.inflight.admission import AdmissionDesk, AdmissionRules
from gateway.inflight.confirmation import ConfirmationRules
from gateway.inflight.limits import limit_text
from gateway.inflight.records import KEPT_MS
from gateway.inflight.shards import connect_store
from gateway.inflight.store import Store
from gateway.inflight.waiting import RoomRules
from gateway.logs import configure_logs
from gateway.register.journal import open_journal
from gateway.sealing import KeyRing
from gateway.tracing import TRACES

# A Redis that did not answer is asked by one request in this time; the others are answered at once.
_STORE_PAUSE_SECONDS = 0.25

# A start does not wait longer for the register's tables than this.
_START_SECONDS = 3.0

# What a request makes goes with its last name; the collector finds nothing there. By default it looks after
# every 700 objects; it comes this seldom, and leaves alone what was there at the start.
_COLLECT_EVERY_OBJECTS = 20_000


def app_from_environment() -> Application:
    """Serve as the factory of a server's worker process, which must not outlive the server."""
    server = multiprocessing.parent_process()
    die_with_parent(server.pid if server else None)
    settings = load_settings()
    configure_logs(settings.log_level)
    LEDGER.open(folder_of(settings.counts_dir, settings.port))
    metrics.begin_counting()
    TRACES.begin("qabyldau-gateway", settings.traces_url, settings.traces_share)
    app = create_app(settings, read_keys(settings))
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY_OBJECTS)
    return app


def read_keys(settings: Settings) -> Keys:
    """Make keys only where they belong to this installation's own data: a named file must be there."""
    return load_keys(settings.keys_path) if settings.keys_file else create_keys(settings.keys_path)


def create_app(settings: Settings, keys: Keys) -> Application:
    """Put everything together; nothing is connected yet. Raises ValueError for a file that is wrong."""
    if not settings.redis_url:
        raise SettingsError("redis_url (QABYLDAU_REDIS_URL): Expected the address of a Redis or Valkey")
    store, journal = _connect_store(settings), open_journal(settings.register_dsn)
    pulse = Pulse()
    services = Services(
        intakes={
            code: _intake(store, programme, settings.limit or programme.slots)
            for code, programme in load_programmes(settings.programmes_dir).items()
        },
        ring=KeyRing(keys.sealing, keys.active, keys.lookup),
        store=store,
        journal=journal,
        texts=load_texts(settings.messages_dir),
        calendar=load_calendar(settings.calendar_file),
        body_limits=BodyLimits(settings.max_body_bytes, settings.body_timeout_ms / 1000),
        webhook=Webhook(keys.webhook, settings.webhook_window_seconds),
        readiness=Readiness(store, journal),
        proxies=Proxies(settings.trusted_proxies),
        crowd=Crowd(pulse),
        pulse=pulse,
    )
    return build_application(services, [_lifespan(services, settings.register_dsn)])


def _connect_store(settings: Settings) -> Store:
    timeout_ms, replicas = settings.redis_timeout_ms, settings.redis_replicas
    try:
        return connect_store(settings.redis_url, timeout_ms, _STORE_PAUSE_SECONDS, replicas)
    except ValueError as error:
        raise SettingsError(f"redis_url (QABYLDAU_REDIS_URL): {error}") from None


def _intake(store: Store, programme: Programme, limit_seed: int) -> Intake:
    leases = programme.leases
    return Intake(
        desk=AdmissionDesk(
            store,
            programme.code,
            AdmissionRules(
                limit_seed=limit_seed,
                lease_before_phone_ms=leases.before_phone_seconds * 1000,
                unconfirmed_share_percent=leases.unconfirmed_share_percent,
                candidates=programme.candidates,
                address_limit=limit_text(programme.limits.address),
                person_limit=limit_text(programme.limits.person),
            ),
        ),
        rules=_confirmation_rules(programme, limit_seed),
        summaries=SummaryKeeper(store, programme, limit_seed, _room_rules(programme)),
        pieces=SpentPieces(store, programme.code),
    )


def _room_rules(programme: Programme) -> RoomRules:
    room = programme.waiting_room
    return RoomRules(
        claim_window_ms=room.claim_window_seconds * 1000,
        front_row_window_ms=room.front_row_window_seconds * 1000,
        calls_per_second=room.calls_per_second,
        inlet_per_second=programme.limits.inlet_per_second,
    )


def _confirmation_rules(programme: Programme, limit_seed: int) -> ConfirmationRules:
    phone, limits = programme.phone, programme.limits
    offset = datetime.now(ALMATY).utcoffset() or timedelta()
    return ConfirmationRules(
        limit_seed=limit_seed,
        lease_after_code_ms=programme.leases.after_code_seconds * 1000,
        resend_ms=phone.resend_after_seconds * 1000,
        phone_limit=limit_text(limits.phone),
        block_limit=limit_text(limits.block),
        codes_per_day=limits.codes_per_day,
        changes=phone.changes,
        tries=phone.tries,
        persons_per_phone=phone.persons_per_phone,
        day_offset_ms=int(offset.total_seconds() * 1000),
        kept_ms=KEPT_MS,
        code_address_limit=limit_text(limits.code_address),
        conversion=limits.conversion,
        phones_checked=programme.checks_phones,
    )


def _lifespan(
    services: Services, register_dsn: str
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        keepers = [intake.summaries for intake in services.intakes.values()]
        preparing = asyncio.create_task(prepare_register(register_dsn))
        # Whoever asks first should find tables and figures there.
        await asyncio.wait([preparing], timeout=_START_SECONDS)
        if preparing.done():
            preparing.result()
        await asyncio.gather(*(keeper.refresh() for keeper in keepers))
        beating = asyncio.create_task(LEDGER.keep_beating())
        tasks = [preparing, beating, *(asyncio.create_task(keeper.keep()) for keeper in keepers)]
        services.pulse.start()
        try:
            yield
        finally:
            services.pulse.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await services.journal.close()
            await services.store.aclose()
            await asyncio.to_thread(TRACES.end)

    return lifespan
