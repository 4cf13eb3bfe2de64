import random
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis import Redis

from supervisor.valkey import ValkeyProcess

# Below the range that outgoing connections draw from: a server that is down for a moment finds its port free.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyProcess]:
    process = ValkeyProcess(tmp_path_factory.mktemp("valkey"), free_port())
    process.start()
    yield process
    process.stop()


@pytest.fixture
def redis_url(valkey: ValkeyProcess) -> str:
    """The URL of an empty server: no keys, no functions; started again if a test before killed it."""
    if not valkey.is_running():
        valkey.start()
    with Redis.from_url(valkey.url) as client:
        client.flushall()
        client.function_flush("SYNC")
    return valkey.url
