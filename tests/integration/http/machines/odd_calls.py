"""Right calls of every kind, and what is sent instead of them."""

import json
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from hypothesis import strategies as st

from tests.integration.http.fund import decision, signed
from tests.integration.http.journey import Submitted
from tests.integration.http.lost_receipts import UNKNOWN
from tests.integration.http.machines.canaries import Person
from tests.integration.http.machines.contract import FIELDS
from tests.integration.http.waiting import APPLICATIONS, ROOM

# What is sent besides what Hypothesis thinks of.
VALUES: list[object] = [
    "", " ", "\0", "\ud800", "\udc00a", "\u202e", "\ufeff", "a\u0301" * 90, "é" * 300, "%s{0}{iin}", "42500",
    "٩٠٠١٠١٣٩٠٠١٢", "９００１０１３９００１２", "KZ00125KZT5004100100", "+7 (701) 123-45-67\n", "123456\n",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "2026-11-21T10:00:00Z", "assigned", "kk",
    None, True, 0, -1, 10**30, 1e308, math.nan, math.inf, [], [[]], {}, {"a": {}}, ["900101390012"],
]  # fmt: skip
SPLINTERS = [
    b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800", b"\\u0000", b'"', b"}", b",", b"NaN",
    b"9" * 5000, b"1e999", b"[" * 50_000, b'{"a":' * 20_000, b" " * 140_000, "９".encode(), b'"iin":1,',
]  # fmt: skip
HEADERS = [
    b"content-type", b"content-length", b"content-encoding", b"transfer-encoding", b"accept",
    b"accept-language", b"authorization", b"idempotency-key", b"timestamp", b"signature", b"cookie", b"host",
    b"connection", b"expect", b"range", b"upgrade", b"x-forwarded-for", b"waiting-ticket",
]  # fmt: skip
HEADER_VALUES = [
    b"", b"application/json; charset=utf-16", b"text/plain", b"gzip", b"*/*;q=nan", b"ru;q=1.5, *;q=", b"-1",
    b"Bearer ", b"Bearer " + b"a" * 43, b"\xff\xfe", b"9" * 40, b"," * 5_000, b"c" * 17_000,
]  # fmt: skip
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PROPFIND"]
ENDS = ["", "/", "//", "/..", "/x", "?", "?iin=%00&iin=%ff", "%00", "%0A"]

texts = st.text(max_size=30)
values = st.sampled_from(VALUES) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
visible = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")
header_values = st.sampled_from(HEADER_VALUES) | st.text(visible, max_size=30).map(
    lambda text: text.encode("latin-1")
)
few = st.integers(0, 2)
seldom = st.sampled_from([False] * 9 + [True])


class Call(NamedTuple):
    """A right call has `fields`; what is sent in the end has a `body`."""

    method: str
    path: str
    fields: dict[str, object]
    headers: Mapping[bytes, bytes] = MappingProxyType({})
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Call({self.method} {self.path} {self.headers} {self.body[:200]!r})"[:1_000]


def right_calls(cases: list[Submitted], tickets: list[str], person: Person) -> list[Call]:
    lost: dict[str, object] = {"number": UNKNOWN, "phone": person.phone}
    employed = person.form(category="business_employee", employer=person.iin)
    calls = [
        Call("POST", APPLICATIONS, person.form()),
        Call("POST", "/v1/programmes/42500/precheck", employed),
        Call("POST", "/v1/receipts", lost),
        Call("POST", "/v1/receipts", lost | {"code": "123456"}),
        *(Call("GET", path, {}) for path in ("/v1/programmes/42500", "/health/ready", "/schema")),
    ]
    for ticket in tickets:
        headers = {b"waiting-ticket": ticket.encode()}
        calls += [Call("GET", ROOM, {}, headers), Call("POST", APPLICATIONS, person.form(), headers)]
    for case in cases:
        path = f"/v1/applications/{case.id}"
        headers = {b"authorization": case.bearer["Authorization"].encode()}
        calls += [
            Call("GET", path, {}, headers),
            Call("POST", f"{path}/phone", {"phone": person.phone}, headers),
            Call("POST", f"{path}/confirmation", {"code": "123456"}, headers),
            Call("POST", "/v1/decisions", decision(case, UNKNOWN)),
        ]
    return calls


def complete(call: Call, body: bytes, webhook: bytes) -> Call:
    proof = {name.lower().encode(): value.encode() for name, value in signed(body, webhook).items()}
    return call._replace(headers={**proof, **call.headers}, body=body)


@st.composite
def calls(draw: st.DrawFn, right: list[Call], personal: list[str], webhook: bytes) -> Call:
    """Draw a call that is nearly right: each part of it is odd now and then."""
    call = draw(st.sampled_from(right))
    fields, parts, in_bytes = call.fields, call.path.split("/"), st.sampled_from(personal).map(str.encode)
    for _ in range(draw(few)):
        name = draw(st.sampled_from([*fields, *FIELDS, *personal]) | texts)
        fields = fields | {name: draw(values | st.sampled_from(personal))}
    body = json.dumps(fields, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    for _ in range(draw(few)):
        at, cut = draw(st.integers(0, len(body))), draw(st.integers(0, 9))
        body = body[:at] + draw(st.sampled_from(SPLINTERS) | st.binary(max_size=9)) + body[at + cut :]
    call = complete(call, body, webhook)
    names = st.sampled_from([*call.headers] * 3 + HEADERS)
    odd = draw(st.dictionaries(names, header_values | in_bytes, max_size=1))
    end, method = "", call.method
    if draw(seldom):
        parts[draw(st.integers(1, len(parts) - 1))] = quote(draw(st.binary(max_size=9) | in_bytes), safe="")
        end = draw(st.sampled_from(ENDS))
    if draw(seldom):
        method = draw(st.sampled_from(METHODS))
    return call._replace(method=method, path="/".join(parts) + end, headers={**call.headers, **odd})
