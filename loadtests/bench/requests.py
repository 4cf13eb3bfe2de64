"""Requests as bytes, as a proxy hands them on from the client's address; made before anything is measured."""

from collections.abc import Iterator

import msgspec

from loadtests.bench.loads import APPLICATIONS, WAITING_ROOM, Applications, Polls, Requests
from loadtests.people import address, form

HOST = "127.0.0.1"


def requests_of(requests: Requests) -> Iterator[bytes]:
    """Return an iterator that costs nothing while it is used: all is made here."""
    match requests:
        case Applications(first, count, path, from_one):
            people = range(first, first + count)
            return iter([apply(n, from_one or address(n), path) for n in people])
        case Polls(tickets, count):
            return iter([poll(tickets[n % len(tickets)], address(n)) for n in range(count)])


def apply(n: int, client: str, path: str = APPLICATIONS) -> bytes:
    """Return the POST of a person's form."""
    body = msgspec.json.encode(form(n))
    own = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{_common(client)}{own}\r\n".encode() + body


def poll(ticket: str, client: str) -> bytes:
    return f"GET {WAITING_ROOM} HTTP/1.1\r\n{_common(client)}Waiting-Ticket: {ticket}\r\n\r\n".encode()


def with_ticket(request: bytes, ticket: str) -> bytes:
    """Return the request with the ticket of a place in the line."""
    head, end, body = request.partition(b"\r\n\r\n")
    return head + b"\r\nWaiting-Ticket: " + ticket.encode() + end + body


def _common(client: str) -> str:
    return f"Host: {HOST}\r\nX-Forwarded-For: {client}\r\n"
