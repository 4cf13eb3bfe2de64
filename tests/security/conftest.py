from collections.abc import Iterator

import pytest
from redis import Redis

from supervisor.valkey import ValkeyProcess
from tests.security.serving import GENEROUS, Served, served


@pytest.fixture(scope="module")
def gateway(valkey: ValkeyProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two processes of the gateway, for all tests of a file: they do not get in each other's way."""
    if not valkey.is_running():
        valkey.start()
    with Redis.from_url(valkey.url) as client:
        client.flushall()
    with served(tmp_path_factory.mktemp("gateway"), valkey.url, GENEROUS, gateways="2") as gateway:
        yield gateway
