import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from loadtests import people
from loadtests.surge.books.traces import canaries_of, find_traces
from loadtests.surge.casting import form
from loadtests.surge.checks.personal import check_personal
from tests.unit.surge.people_of_a_run import crowd

VISITS = crowd(50, first_person=1_000_000, refused=0.3)
SOMEBODY = VISITS[17]
IIN, PHONE = form(SOMEBODY)["iin"], people.phone(SOMEBODY.person)
IBAN, NAME, MAIL = (form(SOMEBODY)[name] for name in ("iban", "full_name", "email"))


def traces(folder: Path, text: str | bytes) -> list[str]:
    path = folder / "service.log"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(find_traces([path], canaries_of(VISITS)))


@pytest.mark.parametrize("number", [IIN, IBAN, PHONE, PHONE[1:], PHONE[2:], f"8{PHONE[2:]}"])
def test_a_number_in_clear_is_found_wherever_it_stands(tmp_path: Path, number: str) -> None:
    for text in (number, f'{{"x":"{number}"}}', f"user {number}, 200", f"\0{number}\0\r\n"):
        assert len(traces(tmp_path, text)) == 1


@pytest.mark.parametrize("number", [IIN, IBAN, PHONE])
@pytest.mark.parametrize("before", ["", "x", "xx", '{"number":"'])
def test_a_number_in_hexadecimal_or_base64_is_found(tmp_path: Path, number: str, before: str) -> None:
    data = f'{before}{number}"}}'.encode()

    assert traces(tmp_path, b"f0" + data.hex().encode())
    assert traces(tmp_path, base64.b64encode(data))
    assert traces(tmp_path, base64.urlsafe_b64encode(data))


@pytest.mark.parametrize("text", [NAME, MAIL])
def test_a_name_is_found_in_its_usual_disguises(tmp_path: Path, text: str) -> None:
    for disguised in (text, json.dumps(text), quote(text), text.encode().hex()):
        assert traces(tmp_path, disguised)
    for before in ("", "x", "xx"):
        assert traces(tmp_path, base64.b64encode(f"{before}{text}".encode()))


def test_what_only_looks_like_a_number_of_a_person_is_passed_over(tmp_path: Path) -> None:
    stranger = form(crowd(1, first_person=9_000_000)[0])
    harmless = [
        stranger["iin"],
        stranger["iban"],
        f"1{IIN}",
        "1774149330123",
        "9000000000000000",
        "42500-2026-0000001",
        base64.b64encode(b"000000000000").decode(),
    ]

    assert traces(tmp_path, "\n".join(harmless)) == []
    assert traces(tmp_path, "") == []


def test_a_trace_is_told_without_what_was_found(tmp_path: Path) -> None:
    assert traces(tmp_path, f"iin={IIN}") == ["service.log: a person's number (digits) at byte 4"]


def test_all_that_the_service_left_behind_is_looked_through(tmp_path: Path) -> None:
    log, data = tmp_path / "service.log", tmp_path / "data"
    log.touch()
    (data / "valkey").mkdir(parents=True)
    (data / "valkey" / "1.aof").write_text("SET")

    assert check_personal(data, log, VISITS).held
    (data / "valkey" / "1.aof").write_text(f"SET {IIN}")
    assert not check_personal(data, log, VISITS).held
