"""What the commands work with: settings, stores and keys of this machine. A composition root."""

import asyncio
import os
import pwd
import sys
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TypeVar

import structlog

from config.keys import load_keys
from config.settings import Settings, SettingsError, find_redis_url, load_settings
from gateway.domain.programme import Programme, load_programmes
from gateway.inflight.shards import connect_store
from gateway.inflight.store import Store
from gateway.operators.casework import Casework
from gateway.operators.cli.failing import telling
from gateway.operators.desk import Actor, Desk
from gateway.register.audit import AuditTrail
from gateway.register.journal import Journal
from gateway.register.migrate import migrate
from gateway.register.plans import Plans
from gateway.register.store import Store as Register
from gateway.register.store import open_store
from gateway.register.tokens import Role, Tokens
from gateway.sealing import KeyRing

T = TypeVar("T")


class Office:
    """Each part is opened when it is first asked for: nobody needs Redis to revoke a token."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def programmes(self) -> dict[str, Programme]:
        return load_programmes(self.settings.programmes_dir)

    @cached_property
    def store(self) -> Store:
        redis_url, timeout_ms = find_redis_url(self.settings), self.settings.redis_timeout_ms
        return connect_store(redis_url, timeout_ms, replicas=self.settings.redis_replicas)

    @cached_property
    def register(self) -> Register:
        try:
            return open_store(self.settings.register_dsn)
        except ValueError as error:
            raise SettingsError(f"register_url (QABYLDAU_REGISTER_URL): {error}") from None

    @property
    def trail(self) -> AuditTrail:
        return AuditTrail(self.register)

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.register)

    @property
    def journal(self) -> Journal:
        return Journal(self.register)

    @property
    def desk(self) -> Desk:
        return Desk(self.programmes, self.store, self.trail, Plans(self.register))

    @property
    def casework(self) -> Casework:
        return Casework(self.desk, self.journal)

    def read_keyring(self) -> KeyRing:
        keys = load_keys(self.settings.keys_path)
        return KeyRing(keys.sealing, keys.active, keys.lookup)

    async def close(self) -> None:
        if "register" in self.__dict__:
            await self.register.close()
        if "store" in self.__dict__:
            await self.store.aclose()


def work(deed: Callable[[Office], Awaitable[T]], *, with_register: bool = True) -> T:
    """Do what a command is there for, on tables that are up to date; raises what `failing` has."""
    with telling():
        settings = load_settings()
        # What a use case has to say beside its answer must not mix with the answer.
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        return asyncio.run(_work(Office(settings), deed, with_register=with_register))


async def _work(office: Office, deed: Callable[[Office], Awaitable[T]], *, with_register: bool) -> T:
    try:
        if with_register and office.register:
            await migrate(office.settings.register_dsn)
        return await deed(office)
    finally:
        await office.close()


def actor() -> Actor:
    """Who the operating system says it is: a variable could say anything."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Actor(f"cli:{name}", Role.OPERATOR)
