"""Every parser that reads what a stranger wrote, each behind one call that takes bytes.

A target raises for what it may not do: any exception but the declared ones, and a 5xx but the contract's 503.
"""

import hashlib
import hmac
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import rich_click as click

from config.keys import KeysError, load_keys
from config.settings import CONFIG_DIR, SettingsError, load_settings
from gateway.domain.application import check_application, read_application
from gateway.domain.calendar import CalendarError, load_calendar
from gateway.domain.case import parse_journal_number, programme_of
from gateway.domain.identifiers import Bin, Iban, IdentifierError, Iin
from gateway.domain.phones import parse_mobile
from gateway.domain.programme import ProgrammeError, load_programme, load_programmes
from gateway.domain.texts import pick_language
from gateway.domain.tickets import read_ticket, write_ticket
from gateway.http.accepting import can_read_json
from gateway.http.bodies import decode_object
from gateway.http.clients import Proxies
from gateway.http.forms import parse_code, read_form
from gateway.http.receipt import holder_of
from gateway.http.refusals import Refusal
from gateway.operators.cli.options import Moment, Span
from gateway.sealing import KeyRing, SealError
from tests.security.inside import KEYS, Inside, direct, forwarded_by
from workers.systems import e_maket, labour_market, sms
from workers.systems.errors import System, SystemFailure
from workers.systems.fetch import Exchange, parse_retry_after

Target = Callable[[bytes], None]

RING = KeyRing(KEYS.sealing, KEYS.active, KEYS.lookup)
PROGRAMME = load_programmes(CONFIG_DIR / "programmes")["42500"]
NUMBERS = (Iin.parse, Bin.parse, Iban.parse, parse_code)


def text_of(data: bytes) -> str:
    """What JSON can hold: any text, lone surrogates too."""
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")


def read_body(data: bytes) -> None:
    """The quick way and the slow one say the same of every form."""
    quick = read_application(data, PROGRAMME, "kk")
    try:
        slow = check_application(decode_object(data), PROGRAMME, "kk")
    except Refusal:
        assert quick is None
    else:
        assert quick is None or quick == slow


def read_small_form(data: bytes) -> None:
    with suppress(Refusal):
        read_form(data, {"number": Iin.parse, "code": parse_code}, frozenset({"code"}))


def read_numbers(data: bytes) -> None:
    for text in (data.decode("latin-1"), data.decode("utf-8", "replace")):
        for parse in NUMBERS:
            with suppress(IdentifierError):
                parsed = parse(text)
                assert parsed.isascii()
                assert parsed == parsed.strip()
        parse_journal_number(text)
        programme_of(text)


def read_phone(data: bytes) -> None:
    for text in (data.decode("latin-1"), data.decode("utf-8", "replace")):
        with suppress(IdentifierError):
            e164 = parse_mobile(text, PROGRAMME.phone.prefixes)
            assert e164.isascii()
            assert len(e164) == len("+77011234567")


def read_ticket_text(data: bytes) -> None:
    text = data.decode("latin-1")
    ticket = read_ticket(text, RING.verify)
    assert ticket is None or write_ticket(ticket, RING.sign) == text


def read_preferences(data: bytes) -> None:
    header = data.decode("latin-1")
    pick_language(header)
    can_read_json(header)
    parse_retry_after(header)


def read_forwarded(data: bytes) -> None:
    """Whatever a client writes, the entry that its proxy adds is the one that counts."""
    proxies = Proxies(["10.0.0.0/8"])
    assert len(proxies.client_of(forwarded_by("10.0.0.1", [data]))) in {4, 8}
    assert proxies.client_of(forwarded_by("10.0.0.1", [data + b", 198.51.100.7"])) == b"\xc6\x33\x64\x07"
    assert proxies.client_of(forwarded_by("203.0.113.9", [data])) == b"\xcb\x00\x71\x09"


def read_sealed(data: bytes) -> None:
    with suppress(SealError):
        RING.unseal(data, "42500-aaaaaaaaaaaaaaaaaaaaaaaaaa")
        raise AssertionError("nobody sealed this")
    RING.verify(b"data", data, "42500")


def read_replies(data: bytes) -> None:
    """Answers of the state systems and the provider of SMS."""
    exchange = Exchange(cast("Any", None), System.LABOUR_MARKET, "http://system", 1000)
    for module in (labour_market, e_maket, sms):
        with suppress(SystemFailure):
            answer = exchange._decode(data, module._ANSWERS)
            if isinstance(answer, sms._Answer):
                sms._check_answer(answer)


def read_settings(data: bytes) -> None:
    name, _, value = data.decode("utf-8", "replace").partition("=")
    with suppress(SettingsError):
        load_settings({f"QABYLDAU_{name}": value})


def read_files(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        with suppress(SettingsError):
            load_settings({}, path)
        with suppress(KeysError):
            load_keys(path)
        with suppress(ProgrammeError):
            load_programme(path)
        with suppress(CalendarError):
            load_calendar(path)


def read_options(data: bytes) -> None:
    for kind in (Moment(), Span()):
        with suppress(click.BadParameter):
            kind.convert(data.decode("utf-8", "surrogateescape"), None, None)


def _person() -> bytes:
    form = {
        "category": "business_employee",
        "iin": "900101300007",
        "employer": "990140000385",
        "full_name": "Айгүл Сапарова",
        "iban": "KZ86125KZT5004100100",
        "email": "aigul@example.kz",
        "language": "kk",
    }
    return msgspec.json.encode(form)


BODY = _person()
DECISION = (
    b'{"application_id": "42500-aaaaaaaaaaaaaaaaaaaaaaaaaa", "number": "42500-2026-0000001", '
    b'"decision": "denied", "decided_at": "2026-11-21T10:00:00Z", "reason": "no_income"}'
)
TICKET = b"42500.AQAAAAAAAAABAAAAAAAAAAEAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAA"

PARSERS: dict[str, tuple[Target, list[bytes]]] = {
    "body": (read_body, [BODY, b'{"iin": "900101300007"}', b'{"a": [{"b": null}, 1e5, "\\ud800"]}']),
    "small form": (read_small_form, [b'{"number": "900101300007", "code": "123456"}', b'{"code": null}']),
    "numbers": (read_numbers, [b"900101300007", b"KZ86125KZT5004100100", b"123456", b"42500-2026-0000001"]),
    "phone": (read_phone, [b"+7 (701) 123-45-67", b"87011234567", "٨٧٠١".encode()]),
    "ticket": (read_ticket_text, [TICKET, b"42500." + b"A" * 100]),
    "preferences": (
        read_preferences,
        [
            b"ru-RU,ru;q=0.9,kk;q=0.8,*;q=0.1",
            b"application/*;q=0, */*",
            b"Sun, 22 Nov 2026 09:00:00 GMT",
            b"120",
        ],
    ),
    "forwarded for": (
        read_forwarded,
        [b"1.2.3.4, 10.0.0.2", b"[2001:db8::1]:443, ::ffff:1.2.3.4", b"unknown, _hidden, 1.2.3.4:80"],
    ),
    "sealed record": (read_sealed, [b"\x01\x01" + bytes(40), RING.seal(b"x", "another")]),
    "replies": (
        read_replies,
        [
            b'{"verdict": "pass", "reason": null}',
            b'{"application_id": "42500-a", "number": "42500-2026-0000001"}',
            b'{"id": 1, "cnt": 1}',
            b'{"error": "duplicate request", "error_code": 9}',
        ],
    ),
    "settings": (read_settings, [b"PORT=8000", b"TRUSTED_PROXIES=10.0.0.0/8,::1", b"TRACES_SHARE=0.5"]),
    "files": (
        read_files,
        [
            b'active = 1\nlookup = "'
            + b"ab" * 32
            + b'"\nwebhook = "'
            + b"ab" * 32
            + b'"\n[sealing]\n1 = "aa"\n',
            b'code = "x"\n[categories.a]\nopen = true\n[categories.a.titles]\nkk = "a"\n',
            b"holidays = [2026-12-01]\nport = 8000\n",
        ],
    ),
    "options": (read_options, [b"09:00", b"2026-11-21T09:00:00+05:00", b"30m", b"0001-01-01T00:00:00+23:59"]),
}


@contextmanager
def whole_applications(redis_url: str, folder: Path) -> Iterator[dict[str, tuple[Target, list[bytes]]]]:
    """The two applications behind their ports, with a real store: any bytes bring an answer of theirs."""
    with Inside(redis_url, folder) as inside:

        def hold(data: bytes) -> None:
            with suppress(Refusal):
                holder_of(direct(inside.services, authorization=data), "42500-aaaaaaaaaaaaaaaaaaaaaaaaaa")

        def decide(data: bytes) -> None:
            stamp = str(int(time.time()))
            signature = hmac.new(KEYS.webhook, stamp.encode() + b"." + data, hashlib.sha256).hexdigest()
            _check(inside.public("POST", "/v1/decisions", data, timestamp=stamp, signature=signature))

        def forge(data: bytes) -> None:
            signature, _, stamp = data.decode("latin-1").partition("\n")
            status = inside.public("POST", "/v1/decisions", DECISION, timestamp=stamp, signature=signature)
            assert status == 404

        def public(data: bytes) -> None:
            _check(inside.public(*_request(data)))

        def operators(data: bytes) -> None:
            _check(inside.operators(*_request(data)))

        yield {
            "receipt": (hold, [b"Bearer " + b"A" * 43, b"bearer  x", b"Basic YTpi"]),
            "decision": (
                decide,
                [DECISION, DECISION.replace(b"2026-11-21T10:00:00Z", b"0001-01-01T00:00+23:59")],
            ),
            "signature": (forge, [b"ab" * 32 + b"\n1790000000", b"\n"]),
            "public request": (public, PUBLIC_REQUESTS),
            "operators' request": (operators, OPERATORS_REQUESTS),
        }


PUBLIC_REQUESTS = [
    b"POST\n/v1/programmes/42500/precheck\n" + BODY,
    b"POST\n/v1/programmes/42500/applications\n" + BODY,
    b"GET\n/v1/programmes/42500?x=1\n",
    b"GET\n/v1/waiting-room\n",
    b"GET\n/v1/applications/42500-aaaaaaaaaaaaaaaaaaaaaaaaaa\n",
    b'POST\n/v1/applications/42500-aaaaaaaaaaaaaaaaaaaaaaaaaa/phone\n{"phone": "87011234567"}',
    b'POST\n/v1/applications/42500-aaaaaaaaaaaaaaaaaaaaaaaaaa/confirmation\n{"code": "123456"}',
    b'POST\n/v1/receipts\n{"number": "42500-2026-0000001", "phone": "87011234567"}',
    b"POST\n/v1/decisions\n" + DECISION,
]
OPERATORS_REQUESTS = [
    b"GET\n/v1/audit?before=9223372036854775808&limit=5\n",
    b"GET\n/v1/programmes/42500\n",
    b"GET\n/console/..%2f..%2fetc/passwd\n",
    b"GET\n/console/console.js\n",
    b"DELETE\n/v1/programmes/42500/plans/99999999999999999999999\n",
    b'POST\n/v1/session\n{"token": "x"}',
    b'POST\n/v1/programmes/42500/changes/99999999999999999999/rollback\n{"reason": "x"}',
    b'POST\n/v1/programmes/42500/changes\n{"changes": {"limit": 9}, "expected": {"limit": 10}, "reason": ""}',
    b'POST\n/v1/programmes/42500/preview\n{"changes": {"limit": 100000000000000000000000}}',
]


def _request(data: bytes) -> tuple[str, str, bytes]:
    method, _, rest = data.partition(b"\n")
    path, _, body = rest.partition(b"\n")
    return method.decode("latin-1"), path.decode("latin-1"), body


def _check(status: int) -> None:
    assert status < 500 or status == 503, status
