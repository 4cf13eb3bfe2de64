"""Where a request comes from, as the limits count it."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from litestar.types import HTTPScope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# More proxies than this do not stand between a person and us; what lies beyond is not looked at.
MOST_HOPS = 16

# A provider gives each customer at least this much of IPv6, all of which is one client.
IPV6_PREFIX = 64

# The longest address with a port: `[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535`.
_LONGEST_ADDRESS = 55

# Addresses come again and again during a surge; each costs some hundred bytes here.
_MOST_KNOWN = 65_536


class Proxies:
    """Whose `X-Forwarded-For` is believed. Each proxy adds on the right, so only that end can be trusted."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(map(ipaddress.ip_network, networks))
        self._is_trusted = lru_cache(_MOST_KNOWN)(self._looks_trusted)

    def client_of(self, scope: HTTPScope) -> str:
        """Return the nearest address that is not a proxy of ours; an IPv6 one as its /64.

        What a client writes into the header itself stands further left and moves nothing.
        """
        peer = scope["client"]
        hop = _parse(peer[0]) if peer else None
        if hop is None:
            return ""
        if self._is_trusted(hop):
            hop = self._forwarded(scope, hop)
        return _counted(hop)

    def _forwarded(self, scope: HTTPScope, hop: Address) -> Address:
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        entries = b",".join(values).rsplit(b",", MOST_HOPS)[-MOST_HOPS:] if values else []
        for entry in reversed(entries):
            before = _parse(entry.decode("latin-1"))
            if before is None:
                break  # Nothing left of what is no address was written by a proxy of ours.
            hop = before
            if not self._is_trusted(hop):
                break
        return hop

    def _looks_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


@lru_cache(_MOST_KNOWN)
def _parse(text: str) -> Address | None:
    """Read an address with or without a port; one of IPv4 in IPv6 clothes is the IPv4 one."""
    if len(text) > _LONGEST_ADDRESS:
        return None
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(_MOST_KNOWN)
def _counted(address: Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), IPV6_PREFIX), strict=False))
    return str(address)
