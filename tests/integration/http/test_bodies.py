import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.integration.http.journey import PROGRAMME, form

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"
JSON = {"Content-Type": "application/json"}

VALID = json.dumps(form()).encode()


def with_iin(text: str) -> bytes:
    return json.dumps(form(iin=text)).encode()


MALFORMED = {
    "nothing": b"",
    "no JSON": b"iin=900101390012",
    "cut short": VALID[:-1],
    "trailing garbage": VALID + b"x",
    "a second object": VALID + VALID,
    "a list": b"[" + VALID + b"]",
    "a text": b'"42500"',
    "null": b"null",
    "a byte order mark": b"\xef\xbb\xbf" + VALID,
    "UTF-16": VALID.decode().encode("utf-16"),
    "bad UTF-8": VALID.replace(b"entrepreneur", b"\xff\xfe"),
    "overlong UTF-8": VALID.replace(b"entrepreneur", b"\xc0\xaf"),
    "bad UTF-8 in an unknown field": VALID[:-1] + b', "x": "\xff"}',
    "an encoded surrogate": VALID.replace(b"entrepreneur", b"\xed\xa0\x80"),
    "an escaped lone surrogate": VALID.replace(b"entrepreneur", b"\\ud800"),
    "a lone surrogate in a list": VALID[:-1] + b', "x": ["\\udc00"]}',
    "a lone surrogate as a key": VALID[:-1] + b', "\\udc00": 1}',
    "a raw control character": VALID.replace(b"entrepreneur", b"a\x00b"),
    "a duplicate key": VALID[:-1] + b', "iin": "900101390012"}',
    "a duplicate key written as an escape": VALID[:-1] + b', "\\u0069in": "900101390012"}',
    "a duplicate key far inside": VALID[:-1] + b', "x": [{"a": 1, "a": 2}]}',
    "a duplicate unknown key": VALID[:-1] + b', "x": 1, "x": 1}',
    "NaN": VALID[:-1] + b', "x": NaN}',
    "Infinity": VALID[:-1] + b', "x": -Infinity}',
    "an endless number": VALID[:-1] + b', "x": ' + b"9" * 10_000 + b"}",
    "nested lists": b'{"iin": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "nested objects": b'{"a":' * 17_000 + b"1" + b"}" * 17_000,
    "nested and never closed": b"[" * 100_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_not_one_clean_object_is_malformed(client: httpx.AsyncClient, body: bytes) -> None:
    reply = await client.post(APPLICATIONS, content=body, headers=JSON)

    assert reply.status_code == 400, reply.text
    assert reply.json()["code"] == "malformed"


WRONG_IINS = {
    "Arabic-Indic digits": "٩٠٠١٠١٣٩٠٠١٢",
    "full-width digits": "９００１０１３９００１２",
    "a trailing newline": "900101390012\n",
    "a leading space": " 900101390012",
    "an escaped NUL": "900101390012\0",
    "a byte order mark": "\ufeff900101390012",
    "a number": 900101390012,
    "a list": ["900101390012"],
    "true": True,
}


@pytest.mark.parametrize("iin", WRONG_IINS.values(), ids=WRONG_IINS.keys())
async def test_an_iin_in_anything_but_twelve_ascii_digits_is_a_fault(
    client: httpx.AsyncClient, iin: object
) -> None:
    reply = await client.post(APPLICATIONS, json=form(iin=iin))

    assert reply.status_code == 422, reply.text
    assert [error["field"] for error in reply.json()["errors"]] == ["iin"]


@pytest.mark.parametrize("extra", ["nickname", "", "IIN", "errors"])
async def test_an_unknown_field_is_a_fault_without_its_name(client: httpx.AsyncClient, extra: str) -> None:
    reply = await client.post(APPLICATIONS, json=form() | {extra: "x"})

    assert reply.status_code == 422
    assert [(error["field"], error["code"]) for error in reply.json()["errors"]] == [("*", "unknown_field")]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; version=1",
        "application/vnd.api+json",
        "application/json, text/plain",
        "",
    ],
)
async def test_another_content_type_is_not_taken(client: httpx.AsyncClient, content_type: str) -> None:
    reply = await client.post(APPLICATIONS, content=VALID, headers={"Content-Type": content_type})

    assert reply.status_code == 415
    assert reply.json()["code"] == "unsupported_media_type"


async def test_no_content_type_is_not_taken(client: httpx.AsyncClient) -> None:
    reply = await client.post(APPLICATIONS, content=VALID)

    assert reply.status_code == 415


async def test_a_compressed_body_is_not_taken(client: httpx.AsyncClient) -> None:
    reply = await client.post(APPLICATIONS, content=VALID, headers=JSON | {"Content-Encoding": "gzip"})

    assert reply.status_code == 415


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON;charset=UTF-8", 'application/json; charset="utf-8"'],
)
async def test_json_in_utf_8_is_taken(client: httpx.AsyncClient, content_type: str) -> None:
    reply = await client.post(APPLICATIONS, content=VALID, headers={"Content-Type": content_type})

    assert reply.status_code == 202


async def test_a_body_of_two_megabytes_is_too_large(client: httpx.AsyncClient) -> None:
    reply = await client.post(APPLICATIONS, content=b" " * 2_000_000 + VALID, headers=JSON)

    assert reply.status_code == 413
    assert reply.json()["code"] == "too_large"


async def test_a_large_body_in_chunks_is_too_large(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 10_000

    reply = await client.post(APPLICATIONS, content=chunks(), headers=JSON)

    assert "content-length" not in reply.request.headers
    assert reply.status_code == 413


async def test_a_body_in_chunks_is_taken(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(VALID), 10):
            yield VALID[start : start + 10]

    reply = await client.post(APPLICATIONS, content=chunks(), headers=JSON)

    assert reply.status_code == 202


async def test_a_body_that_does_not_arrive_is_given_up(client: httpx.AsyncClient) -> None:
    never = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield VALID[:10]
        await never.wait()

    reply = await client.post(APPLICATIONS, content=chunks(), headers=JSON)

    assert reply.status_code == 408
    assert reply.json()["code"] == "request_timeout"
