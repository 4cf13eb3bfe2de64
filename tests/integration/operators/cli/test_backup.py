"""A backup of a service that goes on, put back where there is nothing, and made to agree."""

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from config.keys import create_keys
from gateway.domain.case import State
from gateway.inflight.status import look
from gateway.operators.cli.opening import Office
from supervisor.valkey import ValkeyProcess
from tests.conftest import free_port
from tests.integration.inflight.people import accepted
from tests.integration.operators.cli.machine import PERSONAL, PROGRAMME, VERIFYING, Machine
from tests.integration.operators.cli.test_upkeep import standins

__all__ = ["standins"]


@pytest.fixture(autouse=True)
def copied_at_once(redis_url: str) -> None:
    """Otherwise Redis waits for more replicas that might want the same copy."""
    with Redis.from_url(redis_url) as redis:
        redis.config_set("repl-diskless-sync-delay", 0)


@pytest.fixture
def elsewhere(
    served: Machine, standins: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ValkeyProcess]:
    """Another machine with the same keys and without data; its Valkey is not started yet."""
    there = tmp_path / "elsewhere"
    there.mkdir()
    shutil.copy(tmp_path / "keys.toml", there)
    valkey = ValkeyProcess(there, free_port())
    monkeypatch.setenv("QABYLDAU_SMS_LOGIN", "login")
    yield valkey
    valkey.stop()


def move(valkey: ValkeyProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QABYLDAU_DATA_DIR", str(valkey.data_dir))
    monkeypatch.setenv("QABYLDAU_REDIS_URL", valkey.url)


def restored(machine: Machine, folder: Path, valkey: ValkeyProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    move(valkey, monkeypatch)
    machine.done("restore", str(folder), "--redis-dir", str(valkey.data_dir / "valkey"))
    valkey.start()


def with_manifest(folder: Path, **changes: object) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


def accept(machine: Machine, *people: str) -> list[str]:
    async def each(office: Office) -> list[str]:
        return [(await accepted(office.store, one, limit=25_000)).id for one in people]

    return machine.inside(each)


def test_a_backup_and_its_restore_end_with_equal_counts(
    served: Machine, elsewhere: ValkeyProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = accept(served, "aigul", "bolat")
    registered, _ = served.registered(VERIFYING)
    folder = tmp_path / "backup"

    manifest = served.json("backup", str(folder))
    restored(served, folder, elsewhere, monkeypatch)
    served.done("settle", str(folder))

    assert manifest["counts"][PROGRAMME] == {
        "accepted": 2,
        "in_process": 2,
        "unregistered": 2,
        "registered": {"verifying": 1},
    }
    again = served.json("backup", str(tmp_path / "another"))
    assert again["counts"] == manifest["counts"]

    async def states(office: Office) -> list[State | None]:
        seen = [await look(office.store, PROGRAMME, one) for one in going_on]
        return [one.state if one else None for one in seen]

    assert served.inside(states) == [State.ACCEPTED, State.ACCEPTED]
    assert registered in served.done("cases", "show", registered)
    assert [served.outcomes(action) for action in ("backup", "restore", "settle")] == [
        # The first backup holds the trail as it was then.
        ["requested", "requested", "done"],
        ["requested", "done"],
        ["requested", "done"],
    ]


def test_a_backup_is_for_its_owner_only_and_has_nothing_in_clear(served: Machine, tmp_path: Path) -> None:
    served.registered()
    folder = tmp_path / "backup"

    served.done("backup", str(folder))

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {file.name: file for file in folder.iterdir()}
    assert set(files) == {"manifest.json", "redis.rdb", "register.db"}
    for file in files.values():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = file.read_bytes()
        assert not [one for one in PERSONAL if one.encode() in content]


def test_a_backup_never_goes_into_a_folder_that_is_there(served: Machine, tmp_path: Path) -> None:
    assert "is there already" in served.refused(1, "backup", str(tmp_path))


@pytest.mark.parametrize("name", ["redis.rdb", "register.db"])
def test_a_backup_that_was_changed_is_not_restored(
    served: Machine, elsewhere: ValkeyProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / "backup"
    served.done("backup", str(folder))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    move(elsewhere, monkeypatch)

    said = served.refused(1, "restore", str(folder), "--redis-dir", str(elsewhere.data_dir / "valkey"))

    assert f"{name} is not what was backed up" in said
    assert [file.name for file in elsewhere.data_dir.iterdir()] == ["keys.toml"]


def test_a_folder_without_a_manifest_is_no_backup(served: Machine, tmp_path: Path) -> None:
    assert "no backup" in served.refused(1, "settle", str(tmp_path))


def test_other_keys_are_refused(
    served: Machine, elsewhere: ValkeyProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backup"
    served.done("backup", str(folder))
    (elsewhere.data_dir / "keys.toml").unlink()
    create_keys(elsewhere.data_dir / "keys.toml")
    move(elsewhere, monkeypatch)

    said = served.refused(1, "restore", str(folder), "--redis-dir", str(elsewhere.data_dir / "valkey"))

    assert "the key file is not the one of this backup" in said


def test_nothing_is_ever_overwritten(
    served: Machine, elsewhere: ValkeyProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backup"
    served.done("backup", str(folder))

    said = served.refused(1, "restore", str(folder), "--redis-dir", str(elsewhere.data_dir / "valkey"))
    assert "register.db is there already" in said

    restored(served, folder, elsewhere, monkeypatch)
    (elsewhere.data_dir / "register.db").unlink()
    said = served.refused(1, "restore", str(folder), "--redis-dir", str(elsewhere.data_dir / "valkey"))
    assert "has an append-only file already" in said


def test_a_redis_of_ones_own_must_be_said_where_it_is(served: Machine, tmp_path: Path) -> None:
    assert "--redis-dir" in served.refused(2, "restore", str(tmp_path))


def test_what_happened_between_the_two_copies_is_settled(
    served: Machine, standins: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QABYLDAU_SMS_LOGIN", "login")
    folder = tmp_path / "backup"
    served.done("backup", str(folder))
    number = served.registered()[1]
    # The copy of Redis is from before it was accepted, that of the register from after.
    with_manifest(folder, redis_at_ms=0)

    settled = served.json("settle", str(folder))[PROGRAMME]

    assert settled == {"learnt": 1, "ended": 0, "adopted": 0, "only_at_e_maket": []}
    assert served.json("recover")[PROGRAMME]["restored"] == 1
    assert "agree" in served.done("reconcile")
    assert number in served.done("cases", "show", number)


def test_tickets_of_before_are_void(
    served: Machine, elsewhere: ValkeyProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def epoch(office: Office) -> bytes | None:
        found: bytes | None = await office.store.redis.hget(f"{{{PROGRAMME}}}:door", "epoch")  # type: ignore[misc]  # redis-py types one method for sync and async.
        return found

    folder = tmp_path / "backup"
    before = served.inside(epoch)
    served.done("backup", str(folder))
    restored(served, folder, elsewhere, monkeypatch)

    assert served.inside(epoch) == before
    served.done("settle", str(folder))
    served.serve()

    assert served.inside(epoch) not in {before, None}
