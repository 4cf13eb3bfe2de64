"""Keys change under load, as docs/operations.md has it: one is added, then made active, with restarts."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from itertools import cycle
from threading import Event

from msgspec import Struct

from config.keys import activate_key, add_key
from tests.integration.http.journey import form, new_phone
from tests.security.people import APPLICATIONS, Applied, code_of
from tests.security.serving import Answer, Served

CLIENTS = 4


class Kept(Struct, frozen=True):
    """An application that was accepted, and the key that brings its first answer again."""

    one: Applied
    phone: str
    idempotency: dict[str, str]


class Errors(list[str]):
    """Answers that nobody should have heard."""


def rotate(gateways: tuple[Served, Served], clients: int = CLIENTS) -> tuple[list[Kept], Errors]:
    """Change keys twice over while `clients` apply without a pause; return what they hold."""
    over, errors = Event(), Errors()
    path = gateways[0].folder / "data" / "keys.toml"
    with ThreadPoolExecutor(clients) as threads:
        applying = [threads.submit(_apply_until, over, gateways, errors) for _ in range(clients)]
        try:
            added = add_key(path, active=False)
            for gateway in gateways:
                gateway.restart()
            activate_key(path, added)
            for gateway in gateways:
                gateway.restart()
        finally:
            over.set()
        return [kept for one in applying for kept in one.result()], errors


def _apply_until(over: Event, gateways: tuple[Served, Served], errors: Errors) -> list[Kept]:
    kept = []
    doors = cycle(gateways)
    while not over.is_set():
        fields, phone = form(), new_phone()
        key = {"Idempotency-Key": secrets.token_hex(16)}
        answer = _post(doors, APPLICATIONS, fields, key)
        if answer.status != 202:
            errors.append(answer.text)
            continue
        one = Applied(fields, answer.json["id"], answer.json["receipt"])
        path = f"/v1/applications/{one.id}"
        sent = _post(doors, f"{path}/phone", {"phone": phone}, one.bearer)
        code = code_of(gateways[0], one) if sent.status in {202, 429} else ""
        answer = _post(doors, f"{path}/confirmation", {"code": code}, one.bearer)
        if answer.status == 200:
            kept.append(Kept(one, phone, key))
        else:
            errors.append(answer.text)
    return kept


def _post(doors: Iterator[Served], path: str, body: object, headers: dict[str, str]) -> Answer:
    """Ask the next door; a server that is just being started again is as if a proxy had left it out."""
    while True:
        with suppress(OSError, HTTPException), next(doors).client() as client:
            return client.post(path, body, headers)


def lost_after(gateway: Served, everybody: list[Kept]) -> list[str]:
    """Ask for every application again, with its receipt and with its idempotency key, and open its record."""
    lost = []
    ring = gateway.ring
    with gateway.client() as client:
        for kept in everybody:
            seen = client.ask("GET", f"/v1/applications/{kept.one.id}", headers=kept.one.bearer)
            again = client.post(APPLICATIONS, kept.one.form, kept.idempotency)
            opened = ring.unseal(gateway.redis.hget(_case(kept), "body"), kept.one.id)
            if not (
                seen.status == 200
                and again.status == 202
                and again.json["receipt"] == kept.one.receipt
                and str(kept.one.form["iin"]).encode() in opened
            ):
                lost.append(kept.one.id)
    return lost


def sealed_by(gateway: Served, everybody: list[Kept]) -> set[int]:
    """Which keys the records were sealed with: the second byte says it."""
    return {gateway.redis.hget(_case(kept), "body")[1] for kept in everybody}


def _case(kept: Kept) -> str:
    programme = kept.one.id.partition("-")[0]
    return f"{{{programme}}}:case:{kept.one.id}"
