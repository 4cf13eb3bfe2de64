import json
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from config.settings import CONFIG_DIR
from gateway.domain.application import Application, read_application, warnings_of
from gateway.domain.phones import parse_mobile
from gateway.domain.programme import load_programme
from loadtests.bench.loads import Applications, Polls
from loadtests.bench.requests import apply, requests_of, with_ticket
from loadtests.people import MOST_PEOPLE, address, form, iban, iin, phone

PROGRAMME = load_programme(CONFIG_DIR / "programmes" / "42500.toml")

numbers = st.integers(min_value=0, max_value=MOST_PEOPLE - 1)


def parts(request: bytes) -> tuple[list[str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), body


@given(numbers)
def test_every_person_fills_in_a_form_that_is_accepted_without_a_warning(n: int) -> None:
    _, body = parts(apply(n, address(n)))

    application = read_application(body, PROGRAMME, "kk")

    assert isinstance(application, Application)
    assert warnings_of(application) == ()
    assert json.loads(body) == form(n)


@given(numbers)
def test_every_person_has_a_mobile_phone_and_an_address(n: int) -> None:
    assert parse_mobile(phone(n), PROGRAMME.phone.prefixes) == phone(n)
    assert IPv4Address(address(n)).is_private


@given(numbers, numbers)
def test_two_persons_share_no_number(n: int, m: int) -> None:
    assert (iin(n) == iin(m)) == (iban(n) == iban(m)) == (phone(n) == phone(m)) == (n == m)


def test_neighbours_share_no_number_either() -> None:
    people = range(9_000, 12_000)
    for number in (iin, iban, phone, address):
        assert len(set(map(number, people))) == len(people)


def test_each_request_names_its_client_and_the_length_of_its_body() -> None:
    (first, *others), body = parts(next(requests_of(Applications(first=7, count=1))))

    assert first == "POST /v1/programmes/42500/applications HTTP/1.1"
    assert set(others) == {
        "Host: 127.0.0.1",
        f"X-Forwarded-For: {address(7)}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    }


def test_all_may_come_from_one_address() -> None:
    requests = list(requests_of(Applications(first=7, count=3, address="192.0.2.1")))

    assert len(set(requests)) == 3
    assert all(b"\r\nX-Forwarded-For: 192.0.2.1\r\n" in request for request in requests)


def test_polls_take_the_tickets_in_turn() -> None:
    requests = [parts(request)[0] for request in requests_of(Polls(("a", "b"), count=3))]

    assert [head[0] for head in requests] == ["GET /v1/waiting-room HTTP/1.1"] * 3
    assert [head[-1] for head in requests] == ["Waiting-Ticket: a", "Waiting-Ticket: b", "Waiting-Ticket: a"]


def test_a_ticket_is_shown_beside_the_same_form() -> None:
    head, body = parts(apply(7, address(7)))

    assert parts(with_ticket(apply(7, address(7)), "a")) == ([*head, "Waiting-Ticket: a"], body)
