"""Who may enter the control room, and as what. Of a token only the hash is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.register.entries import RegisterError
from gateway.register.schema import tokens
from gateway.register.store import Store

# Nobody guesses one, so it can be looked up by a plain hash: a stopwatch tells nothing about the others.
_TOKEN_BYTES: Final = 32


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"


class NameTaken(RegisterError):
    """Lines of the audit trail name their actor, so two valid tokens never share a name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has a token that is valid")


@dataclass(frozen=True, slots=True)
class Holder:
    name: str
    role: Role
    created_at_ms: int
    expires_at_ms: int
    revoked_at_ms: int | None

    def is_valid(self, now_ms: int) -> bool:
        return self.revoked_at_ms is None and now_ms < self.expires_at_ms


class Tokens:
    """Raises what the database raises (SQLAlchemyError, OSError, TimeoutError)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, name: str, role: Role, now_ms: int, expires_at_ms: int) -> str:
        """Return the token: 43 characters that are shown once. Raises NameTaken."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        holder = Holder(name, role, now_ms, expires_at_ms, None)
        try:
            await self._store.write(_create, hash_token(token), holder)
        except IntegrityError:
            raise NameTaken(name) from None
        return token

    async def find(self, token: str, now_ms: int) -> Holder | None:
        """Return None for a token that is unknown, over or revoked."""
        holder = await self._store.read(_find, hash_token(token))
        return holder if holder and holder.is_valid(now_ms) else None

    async def revoke(self, name: str, now_ms: int) -> bool:
        """Return False when nobody of that name has a token that is valid."""
        return await self._store.write(_revoke, name, now_ms)

    async def list(self) -> list[Holder]:
        """Return all there ever were, the newest first."""
        return await self._store.read(_list)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


def _create(connection: Connection, token_hash: str, holder: Holder) -> None:
    # Whose token is over may have another under the same name.
    ended = tokens.c.expires_at_ms <= holder.created_at_ms
    connection.execute(
        update(tokens)
        .where(tokens.c.name == holder.name, tokens.c.revoked_at_ms.is_(None), ended)
        .values(revoked_at_ms=tokens.c.expires_at_ms)
    )
    connection.execute(
        insert(tokens).values(
            token_hash=token_hash,
            name=holder.name,
            role=holder.role,
            created_at_ms=holder.created_at_ms,
            expires_at_ms=holder.expires_at_ms,
        )
    )


def _find(connection: Connection, token_hash: str) -> Holder | None:
    row = connection.execute(select(tokens).where(tokens.c.token_hash == token_hash)).one_or_none()
    return _holder(row) if row else None


def _revoke(connection: Connection, name: str, now_ms: int) -> bool:
    valid = (tokens.c.name == name, tokens.c.revoked_at_ms.is_(None), tokens.c.expires_at_ms > now_ms)
    return connection.execute(update(tokens).where(*valid).values(revoked_at_ms=now_ms)).rowcount > 0


def _list(connection: Connection) -> list[Holder]:
    query = select(tokens).order_by(tokens.c.created_at_ms.desc(), tokens.c.name)
    return [_holder(row) for row in connection.execute(query)]


def _holder(row: Row[Any]) -> Holder:
    return Holder(row.name, Role(row.role), row.created_at_ms, row.expires_at_ms, row.revoked_at_ms)
