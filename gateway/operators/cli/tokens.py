import re
from typing import Any, Final

import rich_click as click

from gateway.http.wire import rfc3339
from gateway.operators.cli.failing import NotDone, WrongCall
from gateway.operators.cli.opening import Office, actor, work
from gateway.operators.cli.options import Span, json_option, reason_option
from gateway.operators.cli.showing import moment, show, table
from gateway.operators.desk import now_ms
from gateway.operators.noting import carry_out, line_of
from gateway.register.tokens import Holder, Role

# No colon: what is done on the command line is signed `cli:…` in the audit trail.
_NAME: Final = re.compile(r"[\w.@+-]{1,64}")

_ROLES: Final = click.Choice([str(role) for role in Role])

# Who is here for longer gets another.
_LONGEST_DAYS: Final = 366


@click.group()
def tokens() -> None:
    """Create, list or revoke the tokens with which operators enter the control room."""


@tokens.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=_ROLES,
    required=True,
    help="To watch, or to steer as well.",
)
@click.option("--valid-for", type=Span(), default="30d", show_default=True, help="Such as 8h or 30d.")
@reason_option
@json_option
def create_token(name: str, *, role: str, valid_for: int, reason: str, as_json: bool) -> None:
    """Create a token for NAME, by which the audit trail calls whoever holds it.

    It is printed this once; only its hash is kept.
    """
    if not _NAME.fullmatch(name):
        raise WrongCall("NAME: Expected 1 to 64 letters, digits and . _ - @ +")
    if valid_for > _LONGEST_DAYS * 86_400:
        raise WrongCall(f"--valid-for: Expected {_LONGEST_DAYS} days at most")
    expires_at_ms = now_ms() + valid_for * 1000

    async def create(office: Office) -> str:
        details = {"role": role, "expires_at": rfc3339(expires_at_ms)}
        asked = line_of(actor(), "create_token", reason, subject=name, details=details)
        return await carry_out(
            office.trail, asked, lambda: office.tokens.create(name, Role(role), now_ms(), expires_at_ms)
        )

    token = work(create)
    answer = {"name": name, "role": role, "expires_at": rfc3339(expires_at_ms), "token": token}
    click.echo(f"{name} is {role} until {moment(expires_at_ms)}; the token is shown this once:", err=True)
    show(answer, token, as_json=as_json)


@tokens.command("list")
@json_option
def list_tokens(*, as_json: bool) -> None:
    """Print who has, or had, a token; the tokens themselves nobody knows."""

    async def read(office: Office) -> list[Holder]:
        return await office.tokens.list()

    found, now = work(read), now_ms()
    rows = [
        (one.name, one.role, _standing(one, now), moment(one.created_at_ms), moment(one.expires_at_ms))
        for one in found
    ]
    shown = table(["name", "role", "", "created", "expires"], rows) if rows else "There is no token yet."
    show({"tokens": [_facts(one, now) for one in found]}, shown, as_json=as_json)


@tokens.command("revoke")
@click.argument("name")
@reason_option
@json_option
def revoke_token(name: str, *, reason: str, as_json: bool) -> None:
    """End the token of NAME: within a second nobody gets in with it."""

    async def revoke(office: Office) -> None:
        async def end() -> None:
            if not await office.tokens.revoke(name, now_ms()):
                raise NotDone(f"nobody called {name} has a token that is valid")

        await carry_out(office.trail, line_of(actor(), "revoke_token", reason, subject=name), end)

    work(revoke)
    show({"name": name, "state": "revoked"}, f"the token of {name} is revoked", as_json=as_json)


def _standing(holder: Holder, now: int) -> str:
    if holder.revoked_at_ms is not None:
        return "revoked"
    return "valid" if holder.is_valid(now) else "expired"


def _facts(holder: Holder, now: int) -> dict[str, Any]:
    revoked_at_ms = holder.revoked_at_ms
    return {
        "name": holder.name,
        "role": holder.role,
        "state": _standing(holder, now),
        "created_at": rfc3339(holder.created_at_ms),
        "expires_at": rfc3339(holder.expires_at_ms),
        "revoked_at": None if revoked_at_ms is None else rfc3339(revoked_at_ms),
    }
