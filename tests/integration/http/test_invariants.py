"""Invariants 8, 13 and 14 over HTTP: whatever is sent, in whatever order, and whatever dies meanwhile."""

import asyncio
import io
import json
import logging
import math
import secrets
import sqlite3
from base64 import b64encode
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing, redirect_stdout
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import quote

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from config.keys import Keys
from config.settings import Settings
from gateway.app import create_app
from gateway.http.problems import MEDIA_TYPE
from gateway.logs import configure_logs
from supervisor.valkey import ValkeyProcess
from tests.integration.http.fund import decision, signed, tell
from tests.integration.http.journey import (
    Journey,
    Submitted,
    alive,
    form,
    new_iban,
    new_iin,
    new_phone,
    wrong,
)
from tests.integration.http.lost_receipts import UNKNOWN, ask, sent_code
from tests.integration.http.waiting import APPLICATIONS, ROOM, WaitingRoom

T = TypeVar("T")
Forwarded = tuple[Submitted, str, str]

NAME, EMAIL = "Құралай Жасырынова", "quralay.zhasyryn@example.kz"
FORM = form(full_name=NAME, email=EMAIL)
# The contract once more, so that a change of it is noticed. What is not here is a fault: `internal`, and
# `store_unavailable` while Redis is there.
CODES = {
    400: {"malformed"},
    404: {"not_found"},
    405: {"method_not_allowed"},
    406: {"not_acceptable"},
    409: {"already_applied", "wrong_state", "ticket_not_called"},
    410: {"code_expired", "ticket_missed"},
    413: {"too_large"},
    415: {"unsupported_media_type"},
    422: {"invalid_application", "category_closed", "idempotency_conflict", "ticket_invalid", "code_wrong"},
    429: {"rate_limited", "code_locked"},
    431: {"headers_too_large"},
    503: {"full"},
}
PLACE = {"ticket", "position", "eta_seconds", "eta_p90_seconds", "poll_after_ms"}
MORE_FIELDS = ["employer", "phone", "code", "number", "application_id", "decision", "decided_at", "reason"]
FIELDS = [*FORM, *MORE_FIELDS]

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


class Person(NamedTuple):
    iin: str
    iban: str
    phone: str

    def form(self, **changes: object) -> dict[str, object]:
        return FORM | {"iin": self.iin, "iban": self.iban, **changes}


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


def disguises(text: str) -> set[bytes]:
    """UTF-8, JSON with escapes, hexadecimal, and base64 wherever it may begin in a group of three bytes."""
    data = text.encode()
    found = {data, json.dumps(text)[1:-1].encode(), data.hex().encode(), data.hex().upper().encode()}
    for before in range(3):
        # Only the characters in which no neighbour has a part.
        whole = slice(-(-before * 8 // 6), (before + len(data)) * 8 // 6)
        encoded = b64encode(bytes(before) + data)[whole]
        found |= {encoded, encoded.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def check_problem(problem: dict[str, Any], reply: httpx.Response, *, is_away: bool) -> None:
    expected = CODES.get(reply.status_code, set()) | ({"store_unavailable"} if is_away else set())
    assert problem["code"] in expected
    assert problem["status"] == reply.status_code
    assert reply.headers["content-type"] == MEDIA_TYPE
    assert problem["type"] == f"urn:qabyldau:problem:{problem['code']}"
    members = {"type", "title", "status", "detail", "code"}
    assert all(problem[member] for member in members)
    assert problem.keys() <= members | {"errors", "attempts_left", "locked_until"} | PLACE
    for error in problem.get("errors", []):
        assert error.keys() == {"field", "code", "message"}
        assert error["field"] in {*FIELDS, "*"}


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


class Applicants(RuleBasedStateMachine):
    cases = Bundle("cases")
    asked = Bundle("asked")
    forwarded = Bundle("forwarded")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.journey, self.do, self.room = world, world.journey, world.do, world.room
        world.begin()
        self.people = [world.new_person() for _ in range(3)]
        self.by_key: dict[str, tuple[dict[str, object], httpx.Response]] = {}
        self.all: list[Submitted] = []
        self.tickets: list[tuple[Person, str]] = []
        self.is_open, self.was_killed = True, False

    async def apply(self, fields: object, key: str = "", indent: int = 0) -> httpx.Response:
        body = json.dumps(fields, indent=indent or None, ensure_ascii=not indent)
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return await self.journey.client.post(APPLICATIONS, content=body.encode(), headers=headers)

    def count(self) -> tuple[int, int]:
        """Count records and accepted cases."""
        cases = self.do(self.journey.redis.keys("{42500}:case:*"))
        return len(cases), int(self.do(self.journey.redis.hget("{42500}:door", "accepted")) or 0)

    @rule(target=cases, who=few, iban=few, key=st.sampled_from(["", "k1", "k2"]), indent=few)
    def somebody_applies(self, who: int, iban: int, key: str, indent: int) -> object:
        """With a key twice at once, the second time written in another way."""
        fields, (before, _) = self.people[who].form(iban=self.people[iban].iban), self.count()
        replies = self.world.at_once([self.apply(fields, key, at) for at in ([0, indent] if key else [0])])
        is_new = key not in self.by_key and replies[0].status_code == 202
        assert self.count()[0] - before == is_new
        if is_new and key:
            self.by_key[key] = (fields, replies[0])
        first_fields, first = self.by_key.get(key, (fields, replies[0]))
        for reply in replies:
            if fields != first_fields:
                assert reply.json().get("code") == "idempotency_conflict"
            elif first.status_code == 202:
                assert (reply.status_code, reply.text) == (202, first.text)
                assert reply.headers["location"] == first.headers["location"]
            else:
                assert reply.json().get("ticket") == first.json().get("ticket")
        if "ticket" in first.json():
            self.tickets.append((self.people[who], first.json()["ticket"]))
        if not is_new:
            return multiple()
        self.all.append(Submitted(first.json()["id"], first.json()["receipt"]))
        return self.all[-1]

    @rule(which=few, is_own=st.booleans())
    def a_ticket_is_shown(self, which: int, is_own: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name.
        if self.tickets:
            owner, ticket = self.tickets[-1 - which % len(self.tickets)]
            assert self.do(self.room.ask(ticket)).status_code == 200
            person = owner if is_own else self.world.new_person()
            reply = self.do(self.room.send(person.form(), ticket))
            assert is_own or reply.json().get("code") == "ticket_invalid"

    @rule(who=few, zero=st.sampled_from("٠०０𝟎"), field=st.sampled_from(["iin", "iban"]))
    def somebody_writes_digits_of_another_script(self, who: int, zero: str, field: str) -> None:
        script = {ord("0") + digit: chr(ord(zero) + digit) for digit in range(10)}
        person = self.people[who]
        fields = person.form()
        reply = self.do(self.apply(fields | {field: str(fields[field]).translate(script)}))
        assert [error["field"] for error in reply.json()["errors"]] == [field]
        reply = self.do(ask(self.journey, UNKNOWN, person.phone.translate(script)))
        assert [error["field"] for error in reply.json()["errors"]] == ["phone"]

    @rule(target=asked, case=cases, who=few)
    def a_phone_is_given(self, case: Submitted, who: int) -> object:
        if self.do(self.journey.give_phone(case, self.people[who].phone)).status_code != 202:
            return multiple()
        return case, self.do(self.journey.code(case))

    @rule(asked=asked, right=st.booleans(), is_late=seldom)
    def a_code_is_entered(self, asked: tuple[Submitted, str], right: bool, is_late: bool) -> None:  # noqa: FBT001 - As above.
        (case, code), (_, before) = asked, self.count()
        if is_late:
            self.time_passes(700)
        entered = [self.journey.confirm(case, code if right else wrong(code)) for _ in range(2)]
        statuses = {reply.status_code for reply in self.world.at_once(entered)}
        accepted = self.count()[1] - before
        assert accepted == 0 or (right and accepted == 1 and statuses == {200})

    @precondition(lambda self: self.is_open)
    @rule(target=asked)
    def somebody_gets_a_code(self) -> object:
        person = self.world.new_person()
        self.all.append(self.do(self.journey.submit(**person.form())))
        assert self.do(self.journey.give_phone(self.all[-1], person.phone)).status_code == 202
        return self.all[-1], self.do(self.journey.code(self.all[-1]))

    @precondition(lambda self: self.is_open)
    @rule(target=forwarded)
    def somebody_goes_all_the_way(self) -> object:
        person = self.world.new_person()
        case, number = self.do(self.journey.forwarded(person.phone, **person.form()))
        self.all.append(case)
        return case, number, person.phone

    @rule(case=forwarded, unknown=st.sampled_from(["", UNKNOWN]), right=st.booleans())
    def a_receipt_is_lost(self, case: Forwarded, unknown: str, right: bool) -> None:  # noqa: FBT001 - As above.
        number, phone = unknown or case[1], case[2]
        if self.do(ask(self.journey, number, phone)).status_code == 202:
            code = self.do(sent_code(self.journey, number, phone))
            reply = self.do(ask(self.journey, number, phone, code=code if right else wrong(code)))
            assert reply.status_code == (200 if right and not unknown else 422)

    @rule(case=forwarded, verdict=st.sampled_from(["assigned", "denied"]), reason=few, is_forged=seldom)
    def the_fund_decides(self, case: Forwarded, verdict: str, reason: int, is_forged: bool) -> None:  # noqa: FBT001 - As above.
        fields = decision(case[0], case[1], verdict, reason=[case[2], NAME, "income"][reason])
        keys = Keys({}, 1, b"", b"forged") if is_forged else self.world.keys
        assert self.do(tell(self.journey, fields, keys)).status_code in ({404} if is_forged else {204, 409})

    @rule(case=cases)
    def somebody_looks(self, case: Submitted) -> None:
        assert self.do(self.journey.status(case))["id"] == case.id

    @rule(data=st.data(), who=few)
    def something_odd_is_sent(self, data: st.DataObject, who: int) -> None:
        person = self.people[who]
        tickets = [ticket for _, ticket in self.tickets[-2:]]
        right = right_calls(self.all[-2:], tickets, person)
        self.world.send(data.draw(calls(right, [*person, NAME, EMAIL], self.world.keys.webhook)))

    @rule(who=few)
    def the_door_is_closed(self, who: int) -> None:
        self.do(self.journey.set_limit(0))
        self.is_open = False
        self.people[who] = self.world.new_person()
        self.somebody_applies(who, who, "", 0)

    @rule()
    def the_door_is_opened(self) -> None:
        self.do(self.journey.set_limit(25_000))
        # At once all who wait are called.
        self.do(self.room.pass_time(1000))
        self.is_open = True

    @rule(seconds=st.sampled_from([60, 200, 700]))
    def time_passes(self, seconds: int) -> None:
        self.do(self.journey.let_pass(seconds * 1000))

    @rule()
    def the_library_is_lost(self) -> None:
        self.do(self.journey.redis.function_flush("SYNC"))

    @precondition(lambda self: not self.was_killed)
    @rule(happens=seldom)
    def valkey_is_killed(self, happens: bool) -> None:  # noqa: FBT001 - As above.
        # A restart takes longer than a hundred other steps.
        if happens:
            self.world.is_away = self.was_killed = True
            self.world.valkey.kill()
            assert self.do(self.apply(self.people[0].form())).json()["code"] == "store_unavailable"
            self.world.come_back()
            self.world.is_away = False

    def teardown(self) -> None:
        self.world.check_traces()


@pytest.fixture(scope="module")
def world(valkey: ValkeyProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    logs, root = io.BytesIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    with (
        io.TextIOWrapper(logs, write_through=True) as text,
        redirect_stdout(text),
        pytest.MonkeyPatch.context() as patch,
    ):
        configure_logs("debug")
        # On a busy machine these would be met without any fault.
        patch.setattr("gateway.http.register_calls.DEADLINE_SECONDS", 60)
        patch.setattr("gateway.http.summaries.STALE_AFTER_SECONDS", math.inf)
        world = World(valkey, tmp_path_factory.mktemp("gateway"), logs)
        yield world
        world.do(world.stack.aclose())
        world.loop.close()
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


EVERY = settings(deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))


@pytest.mark.timeout(300)
def test_whatever_happens_a_repeat_is_a_repeat_and_nothing_personal_is_told(world: World) -> None:
    run_state_machine_as_test(
        lambda: Applicants(world),  # type: ignore[arg-type]  # A factory does as well as the class.
        settings=settings(EVERY, max_examples=50, stateful_step_count=40),
    )


@pytest.mark.timeout(300)
def test_no_input_is_answered_by_a_failure(world: World) -> None:
    world.begin()
    person = world.new_person()
    case = world.do(world.journey.submit(**person.form()))
    world.do(world.journey.set_limit(1))
    ticket = world.do(world.room.queue())["ticket"]
    right = right_calls([case], [ticket], person)

    for call in right:
        own = json.dumps(call.fields).encode()
        sent = [
            json.dumps(call.fields | {name: value}).encode() for name, value in product(call.fields, VALUES)
        ]
        sent += [
            body for part in SPLINTERS for body in (part, own[:-1] + part, own[:-1] + b',"x":' + part + b"}")
        ]
        for body in sent:
            world.send(complete(call, body, world.keys.webhook))

    @settings(EVERY, max_examples=1000)
    @given(calls(right, [*person, NAME, EMAIL], world.keys.webhook))
    def is_answered(call: Call) -> None:
        world.send(call)

    is_answered()
    world.check_traces()
