"""Who the primary is: asked of all Sentinels, or of a cluster's nodes, and the newest word counts.

A Sentinel or a node that a partition has left with the old primary still names that one. Each change has a
number that only grows (the configuration's epoch), so that an old word loses against a new one.
"""

import asyncio
from collections.abc import Awaitable, Iterable

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError

from gateway.inflight.addresses import Cluster, Node, Watched

# Whoever has not answered by then is away; the call that waits for it has a deadline of its own.
_ANSWER_SECONDS = 1.0

_Word = tuple[int, str, int]


async def ask_sentinels(watched: Watched) -> Node:
    """Raises redis's ConnectionError when no Sentinel knows a primary."""
    return await _newest(_ask_sentinel(node, watched) for node in watched.nodes)


async def ask_cluster(cluster: Cluster, programme: str) -> Node:
    """Find the owner of the programme's hash tag; raises redis's ConnectionError when no node knows it."""
    slot = key_slot(programme.encode())
    return await _newest(_ask_node(node, cluster, slot) for node in cluster.nodes)


async def _newest(words: Iterable[Awaitable[_Word]]) -> Node:
    answers = await asyncio.gather(
        *(asyncio.wait_for(word, _ANSWER_SECONDS) for word in words), return_exceptions=True
    )
    known = [answer for answer in answers if not isinstance(answer, BaseException)]
    if not known:
        raise RedisConnectionError("nobody knows the primary")
    _, host, port = max(known)
    return host, port


async def _ask_sentinel(node: Node, watched: Watched) -> _Word:
    host, port = node
    async with Redis(host=host, port=port, password=watched.sentinel_password) as sentinel:
        state = await sentinel.sentinel_master(watched.name)
    return state["config-epoch"], state["ip"], state["port"]


async def _ask_node(node: Node, cluster: Cluster, slot: int) -> _Word:
    host, port = node
    async with Redis(host=host, port=port, username=cluster.username, password=cluster.password) as redis:
        nodes = await redis.cluster("NODES")
    words = []
    for address, known in nodes.items():
        owned = [range(int(slots[0]), int(slots[-1]) + 1) for slots in known["slots"]]
        if "master" in known["flags"] and any(slot in some for some in owned):
            its_host, _, its_port = address.rpartition(":")
            words.append((int(known["epoch"]), its_host or host, int(its_port)))
    return max(words)
