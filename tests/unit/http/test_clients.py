import socket
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import HTTPScope

from gateway.http.clients import MOST_HOPS, Proxies

PROXY, OTHER_PROXY, CLIENT = "10.0.0.1", "10.7.0.2", "198.51.100.7"
PROXIES = Proxies(["10.0.0.0/8", "fd00::/8"])

addresses = st.ip_addresses().map(str).filter(lambda text: not text.startswith(("10.", "fd")))
# What a client can put into a field: latin-1, of which a server lets no NUL, CR or LF through.
fields = st.binary(max_size=200) | st.text("0123456789abcdef.:[], \t%/", max_size=200).map(str.encode)


def come(peer: str | None, *headers: str | bytes) -> bytes:
    """`headers`: one X-Forwarded-For line each."""
    lines = [header if isinstance(header, bytes) else header.encode() for header in headers]
    scope = {
        "client": None if peer is None else (peer, 50_000),
        "headers": [(b"host", b"gateway"), *((b"x-forwarded-for", line) for line in lines)],
    }
    return PROXIES.client_of(cast("HTTPScope", scope))


def v4(text: str) -> bytes:
    return socket.inet_aton(text)


def v6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)[:8]


def test_nobody_elses_word_is_taken_without_a_proxy() -> None:
    assert come(CLIENT) == v4(CLIENT)
    assert come(CLIENT, "203.0.113.9") == v4(CLIENT)
    assert Proxies([]).client_of(cast("HTTPScope", {"client": (PROXY, 1), "headers": []})) == v4(PROXY)


@pytest.mark.parametrize(
    "headers",
    [
        [CLIENT],
        [f"203.0.113.9, {CLIENT}"],
        [f"203.0.113.9,{CLIENT} , {OTHER_PROXY}"],
        [f"203.0.113.9, {OTHER_PROXY}, {CLIENT}, fd00::1, {OTHER_PROXY}"],
        ["203.0.113.9", CLIENT],
        [CLIENT, OTHER_PROXY],
        [f"{CLIENT}:50000"],
        [f"::ffff:{CLIENT}"],
        [f"[::ffff:{CLIENT}]:50000"],
        [f"\t{CLIENT} "],
    ],
)
def test_the_client_is_the_rightmost_entry_that_is_no_proxy(headers: list[str]) -> None:
    assert come(PROXY, *headers) == v4(CLIENT)


@pytest.mark.parametrize(
    "text", ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "[2001:db8:1:2::3]", "[2001:db8:1:2::4]:443"]
)
def test_a_client_of_ipv6_is_its_whole_network(text: str) -> None:
    assert come(PROXY, text) == v6("2001:db8:1:2::")
    assert come(PROXY, text) != come(PROXY, "2001:db8:1:3::1")


def test_a_peer_is_read_as_an_entry_is() -> None:
    assert come("2001:db8:1:2::5") == v6("2001:db8:1:2::")
    assert come(f"::ffff:{CLIENT}") == v4(CLIENT)
    # A proxy in IPv6 clothes is the same proxy.
    assert come(f"::ffff:{PROXY}", CLIENT) == v4(CLIENT)
    assert come("fd00::9", CLIENT) == v4(CLIENT)


def test_the_bytes_of_one_family_are_no_network_of_the_other() -> None:
    # As bytes these begin like fd00::/8 and 10.0.0.0/8.
    assert come("253.0.0.1", CLIENT) == v4("253.0.0.1")
    assert come("a00::1", CLIENT) == v6("a00::1")


def test_a_proxys_address_counts_whole_and_not_by_its_network() -> None:
    proxies = Proxies(["2001:db8:1:2::1/128"])
    scope = {"client": ("2001:db8:1:2::2", 1), "headers": [(b"x-forwarded-for", CLIENT.encode())]}

    assert proxies.client_of(cast("HTTPScope", scope)) == v6("2001:db8:1:2::")


@pytest.mark.parametrize(
    "garbage",
    ["", " ", ",", "unknown", "_hidden", "198.51.100", "198.51.100.256", "0198.51.100.7", "198.51.100.7.1",
     "fe80::1%eth0", "::1]", ":::", "198.51.100.7;", "\0", "１９８.51.100.7", "for=198.51.100.7",
     "9" * 10_000],
)  # fmt: skip
def test_nothing_left_of_what_is_no_address_is_believed(garbage: str) -> None:
    assert come(PROXY, f"203.0.113.9, {garbage}") == v4(PROXY)
    assert come(PROXY, f"203.0.113.9, {garbage}, {OTHER_PROXY}") == v4(OTHER_PROXY)
    assert come(PROXY, f"{garbage}, {CLIENT}") == v4(CLIENT)


def test_without_any_client_the_farthest_proxy_is_counted() -> None:
    assert come(PROXY) == v4(PROXY)
    assert come(PROXY, f"{OTHER_PROXY}, 10.9.9.9") == v4(OTHER_PROXY)
    assert come(None, CLIENT) == b""
    assert come("a path of a socket", CLIENT) == b""


def test_what_lies_beyond_the_last_hop_is_not_looked_at() -> None:
    hops = [f"10.1.0.{hop}" for hop in range(MOST_HOPS)]

    assert come(PROXY, ", ".join([CLIENT, *hops[1:]])) == v4(CLIENT)
    assert come(PROXY, ", ".join([CLIENT, *hops])) == v4(hops[0])
    assert come(PROXY, ", ".join(["203.0.113.9"] * 5_000 + hops)) == v4(hops[0])


def test_ten_kilobytes_move_nothing() -> None:
    for filling in ("1.2.3.4,", ",", "a", f"{OTHER_PROXY},", "[", "\xff"):
        forged = filling * (10_000 // len(filling))
        assert come(PROXY, f"{forged}, {CLIENT}") == v4(CLIENT)
        assert come(PROXY, forged, CLIENT) == v4(CLIENT)


@given(
    st.lists(fields, max_size=4), addresses, st.lists(st.sampled_from([OTHER_PROXY, "fd00::2"]), max_size=3)
)
def test_whatever_a_client_writes_itself_it_stays_the_same_client(
    forged: list[bytes], client: str, proxies: list[str]
) -> None:
    """The first proxy adds the client's own address, on the last line that came or on one of its own."""
    added = ", ".join([client, *proxies]).encode()
    honest = come(PROXY, added)

    assert come(PROXY, *forged, added) == honest
    if forged:
        assert come(PROXY, *forged[:-1], forged[-1] + b", " + added) == honest
    assert come(client, *forged) == honest


@given(st.lists(fields, max_size=3))
def test_any_header_is_read_without_an_error(forged: list[bytes]) -> None:
    assert len(come(PROXY, *forged)) in {4, 8}


def test_another_header_says_nothing() -> None:
    scope: dict[str, Any] = {
        "client": (PROXY, 1),
        "headers": [(b"forwarded", b"for=" + CLIENT.encode()), (b"x-real-ip", CLIENT.encode())],
    }

    assert PROXIES.client_of(cast("HTTPScope", scope)) == v4(PROXY)
