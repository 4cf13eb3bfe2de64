import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.keys import load_keys
from gateway.sealing import KeyRing, SealError
from loadtests.surge.books.traces import disguises
from supervisor.valkey import ValkeyProcess
from tests.conftest import free_port
from tests.security.rotating import Errors, Kept, lost_after, rotate, sealed_by
from tests.security.serving import GENEROUS, Served, served

# Gateways are started six times.
pytestmark = pytest.mark.timeout(240)

# A search for each in all files.
LOOKED_FOR = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rotated")


@pytest.fixture(scope="module")
def rotated(folder: Path) -> Iterator[tuple[Served, list[Kept], Errors]]:
    """Keys changed under load, and what came of it; its Valkey is its own, for what it wrote is looked at."""
    (folder / "valkey").mkdir()
    (folder / "gateway").mkdir()
    valkey = ValkeyProcess(folder / "valkey", free_port())
    valkey.start()
    try:
        with served(folder / "gateway", valkey.url, GENEROUS) as one:
            other = one.twin()
            other.start()
            try:
                kept, errors = rotate((one, other), clients=1)
                yield one, kept, errors
            finally:
                other.stop()
    finally:
        valkey.stop()


def test_keys_change_under_load_and_nobody_notices(rotated: tuple[Served, list[Kept], Errors]) -> None:
    gateway, kept, errors = rotated

    assert errors == []
    assert kept
    assert sealed_by(gateway, kept) == {1, 2}
    assert lost_after(gateway, kept) == []


def test_a_stolen_dump_names_nobody(folder: Path, rotated: tuple[Served, list[Kept], Errors]) -> None:
    gateway, kept, _ = rotated
    gateway.redis.config_set("rdbcompression", "no")
    gateway.redis.save()
    needles = {
        needle for one in kept[:LOOKED_FOR] for secret in secrets_of(one) for needle in disguises(secret)
    }
    stolen = {path: path.read_bytes() for path in files(folder / "valkey")}
    stolen |= {
        path: path.read_bytes() for path in files(folder / "gateway" / "data") if "keys" not in path.name
    }

    assert any(kept[0].one.id.encode() in content for content in stolen.values())
    found = [path.name for path, content in stolen.items() for needle in needles if needle in content]
    assert found == []


def test_what_is_sealed_opens_with_the_stolen_dump_alone_for_nobody(
    rotated: tuple[Served, list[Kept], Errors],
) -> None:
    gateway, kept, _ = rotated
    keys = load_keys(gateway.folder / "data" / "keys.toml")
    guessed = KeyRing(dict.fromkeys(keys.sealing, os.urandom(32)), keys.active, os.urandom(32))
    for one in kept[:20]:
        body = gateway.redis.hget(f"{{42500}}:case:{one.one.id}", "body")
        with pytest.raises(SealError):
            guessed.unseal(body, one.one.id)
        with pytest.raises(SealError):
            gateway.ring.unseal(body, kept[-1].one.id if one is not kept[-1] else kept[0].one.id)


def secrets_of(kept: Kept) -> list[str]:
    """What a thief would look for: the data, the receipt, and hashes of the numbers that need no key."""
    form = kept.one.form
    clear = [str(form[field]) for field in ("iin", "iban", "email", "full_name")]
    numbers = [str(form["iin"]), kept.phone, kept.phone[1:]]
    plain = [name(number.encode()).hexdigest() for number in numbers for name in PLAIN_HASHES]
    return [*clear, kept.phone[1:], kept.one.receipt, *plain]


PLAIN_HASHES = (hashlib.md5, hashlib.sha1, hashlib.sha256)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
