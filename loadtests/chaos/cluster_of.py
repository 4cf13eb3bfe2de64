"""Several Valkeys as plain processes: a primary with replicas and Sentinels, or a cluster of primaries."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.inflight.addresses import Watched, parse_address
from gateway.inflight.primaries import ask_sentinels
from loadtests.bench.redis_server import find_binary
from loadtests.chaos.meanwhile import until
from loadtests.chaos.proxy import Proxy, proxied
from loadtests.chaos.service import ROOT, free_ports
from loadtests.chaos.valkey import Valkey

NAME = "intake"
_SENTINELS, _QUORUM = 3, 2
_SLOTS = 16_384

# A primary that is silent for so long is down. Production has more patience; a row has not.
DOWN_AFTER_MS = 2_000


class Node:
    """One server and the only way to it for the others: a proxy, whose faults cut it off from all of them.

    `port` is the way past the proxy, for whoever is left on its side of a partition.
    """

    def __init__(self, server: Valkey, proxy: Proxy) -> None:
        self.server, self.proxy = server, proxy
        self.port = server.port

    async def start(self) -> None:
        await self.server.start()
        async with Redis(port=self.port) as redis:
            await redis.config_set("replica-announce-ip", "127.0.0.1")
            await redis.config_set("replica-announce-port", self.proxy.port)


class Watch:
    """`nodes[0]` begins as the primary. `url`: how the product finds it."""

    def __init__(self, nodes: list[Node], sentinel_ports: list[int]) -> None:
        self.nodes, self.sentinel_ports = nodes, sentinel_ports
        hosts = ",".join(f"127.0.0.1:{port}" for port in sentinel_ports)
        self.url = f"sentinel://{hosts}/{NAME}"

    async def primary(self) -> Node:
        """As the Sentinels have it; raises redis's ConnectionError."""
        address = parse_address(self.url)
        assert isinstance(address, Watched)  # noqa: S101 - Made above.
        _, port = await ask_sentinels(address)
        return next(node for node in self.nodes if node.proxy.port == port)

    async def until_promoted(self, before: Node, seconds: float = 60.0) -> float:
        """Wait until another than `before` is the primary, and return how long it took."""

        async def is_promoted() -> bool:
            try:
                node = await self.primary()
                async with Redis(port=node.port) as redis:
                    role, *_ = await redis.role()
                    return node is not before and bool(role == b"master")
            except (RedisError, OSError):
                return False

        return await until(is_promoted, seconds)

    async def until_replicated(self, replicas: int, seconds: float = 60.0) -> None:
        """Wait until so many replicas of the primary have all that it has."""

        async def is_replicated() -> bool:
            node = await self.primary()
            async with Redis(port=node.port) as redis:
                found = await redis.info("replication")
            online = [found[f"slave{n}"] for n in range(found["connected_slaves"])]
            # A replica is called online before it has anything.
            up_to_date = [one for one in online if one["offset"] > 0 and one["lag"] <= 1]
            return len(up_to_date) >= replicas

        await until(is_replicated, seconds)


@asynccontextmanager
async def watched(
    folder: Path, replicas: int = 1, options: Mapping[str, str] | None = None, *, is_direct: bool = False
) -> AsyncIterator[Watch]:
    """`options` are those of every server. All is up, and replicated, when the block begins.

    `is_direct`: without proxies, which share this process with whatever else the row does. Nodes die only.
    """
    async with AsyncExitStack() as stack:
        folders = [folder / f"server-{n}" for n in range(1 + replicas)]
        nodes = [await _node(stack, own, options or {}, is_direct=is_direct) for own in folders]
        first, *others = nodes
        for node in others:
            async with Redis(port=node.port) as redis:
                await redis.replicaof("127.0.0.1", first.proxy.port)
        ports = free_ports(_SENTINELS)
        for port in ports:
            await stack.enter_async_context(_sentinel(folder / f"sentinel-{port}", port, first.proxy.port))
        watch = Watch(nodes, ports)
        await until(lambda: _see_each_other(ports, replicas))
        await watch.until_replicated(replicas)
        yield watch


async def _node(stack: AsyncExitStack, folder: Path, options: Mapping[str, str], *, is_direct: bool) -> Node:
    server = Valkey(folder, None, {"repl-diskless-sync-delay": "0", **options})
    stack.push_async_callback(server.close)
    proxy = Proxy("127.0.0.1", server.port)
    proxy.port = server.port
    if not is_direct:
        proxy = await stack.enter_async_context(proxied("127.0.0.1", server.port))
    node = Node(server, proxy)
    await node.start()
    return node


@asynccontextmanager
async def _sentinel(folder: Path, port: int, primary_port: int) -> AsyncIterator[None]:
    folder.mkdir(parents=True)  # noqa: ASYNC240 - quick.
    lines = (
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"logfile {folder}/sentinel.log",
        f"sentinel monitor {NAME} 127.0.0.1 {primary_port} {_QUORUM}",
        f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
        f"sentinel failover-timeout {NAME} 10000",
    )
    # A Sentinel keeps what it learns in its own file.
    (folder / "sentinel.conf").write_text("\n".join(lines) + "\n")
    command = [find_binary(), f"{folder}/sentinel.conf", "--sentinel"]
    process = subprocess.Popen(command, cwd=ROOT)  # noqa: S603, ASYNC220 - quick.
    try:
        yield
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


async def _see_each_other(ports: list[int], replicas: int) -> bool:
    try:
        for port in ports:
            async with Redis(port=port) as sentinel:
                state = await sentinel.sentinel_master(NAME)
            if state["num-other-sentinels"] < _SENTINELS - 1 or state["num-slaves"] < replicas:
                return False
    except (RedisError, OSError):
        return False
    return True


@asynccontextmanager
async def clustered(folder: Path, primaries: int = 3) -> AsyncIterator[list[Valkey]]:
    """Primaries of one cluster, each with as many slots as the next, in the order of their slots."""
    async with AsyncExitStack() as stack:
        servers = []
        # By default 10 000 above the other, where outgoing connections may be.
        buses = free_ports(primaries)
        for n, bus in enumerate(buses):
            options = {"cluster-enabled": "yes", "cluster-node-timeout": "2000", "cluster-port": f"{bus}"}
            server = Valkey(folder / f"shard-{n}", None, options)
            stack.push_async_callback(server.close)
            await server.start()
            servers.append(server)
        for n, server in enumerate(servers):
            async with Redis(port=server.port) as redis:
                first, last = n * _SLOTS // primaries, (n + 1) * _SLOTS // primaries - 1
                await redis.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
                await redis.execute_command("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
                await redis.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port, buses[0])
        await until(lambda: _are_one(servers))
        yield servers


async def _are_one(servers: list[Valkey]) -> bool:
    for server in servers:
        async with Redis(port=server.port) as redis:
            found = await redis.cluster("INFO")
        if found["cluster_state"] != "ok" or found["cluster_known_nodes"] != f"{len(servers)}":
            return False
    return True
