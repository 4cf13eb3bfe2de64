from pathlib import Path

import pytest

from loadtests.aof import AofError, Occupancy, read_steps, recompute_live

DOOR, SLOTS = "{42500}:door", "{42500}:slots"
NEVER = 9_000_000_000_000_000


def written(*words: str | int) -> bytes:
    encoded = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)


def at_once(*commands: bytes) -> bytes:
    return written("MULTI") + b"".join(commands) + written("EXEC")


def clock(service_ms: int, **fields: int) -> bytes:
    words = [word for pair in fields.items() for word in pair]
    return written("HSET", DOOR, "svc", service_ms, *words)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    )
    # Three notes as a server writes them: a text, a short integer, a long one; then the end.
    base = b"VALKEY080\xfa\x0avalkey-ver\x059.1.2\xfa\x0aredis-bits\xc0\x40\xfa\x05ctime\xc2^N\x02k\xff"
    (tmp_path / "appendonly.aof.1.base.rdb").write_bytes(base + bytes(8))
    return tmp_path


def steps(folder: Path, text: bytes) -> list[list[list[bytes]]]:
    (folder / "appendonly.aof.1.incr.aof").write_bytes(text)
    return list(read_steps(folder))


def occupancies(folder: Path, *texts: bytes) -> list[Occupancy]:
    return list(recompute_live(steps(folder, b"".join(texts)), "42500"))


def test_what_took_effect_at_once_is_one_step(folder: Path) -> None:
    text = (
        written("SELECT", 0) + written("SET", "a", 1) + at_once(written("SET", "b", 2), written("DEL", "a"))
    )

    assert steps(folder, text) == [
        [[b"SET", b"a", b"1"]],
        [[b"SET", b"b", b"2"], [b"DEL", b"a"]],
    ]


def test_times_noted_between_commands_are_passed_over(folder: Path) -> None:
    text = b"#TS:1763776860\r\n" + written("MULTI") + b"#TS:1763776861\r\n" + written("SET", "#TS:", "*\r\n")

    assert steps(folder, text + written("EXEC")) == [[[b"SET", b"#TS:", b"*\r\n"]]]


@pytest.mark.parametrize("kept", range(len(at_once(written("SET", "b", 2)))))
def test_a_step_that_a_crash_cut_off_did_not_happen(folder: Path, kept: int) -> None:
    whole = written("SET", "a", 1)

    assert steps(folder, whole + at_once(written("SET", "b", 2))[:kept]) == [[[b"SET", b"a", b"1"]]]


def test_a_file_that_was_rewritten_is_refused(folder: Path) -> None:
    (folder / "appendonly.aof.1.base.rdb").write_bytes(b"VALKEY080\xfa\x05ctime\xc0\x01\xfe\x00\xfb")

    with pytest.raises(AofError, match="rewritten"):
        steps(folder, b"")


def test_a_slot_counts_until_it_ends_or_is_removed(folder: Path) -> None:
    found = occupancies(
        folder,
        clock(1_000, limit=2),
        written("ZADD", SLOTS, 3_000, "a"),
        written("ZADD", SLOTS, NEVER, "b"),
        clock(2_999),
        clock(3_000),
        written("ZREM", SLOTS, "a"),
        written("ZREM", SLOTS, "b"),
    )

    assert found == [(0, 2, 0), (1, 2, 1), (2, 2, 1), (2, 2, 0), (1, 2, 0), (1, 2, 0), (0, 2, 0)]


def test_a_slot_that_is_kept_longer_is_no_new_one(folder: Path) -> None:
    found = occupancies(
        folder,
        clock(1_000, limit=1),
        written("ZADD", SLOTS, 3_000, "a"),
        written("ZADD", SLOTS, 5_000, "a"),
        clock(4_000),
        clock(5_000),
    )

    assert [(one.live, one.entered) for one in found] == [(0, 0), (1, 1), (1, 0), (1, 0), (0, 0)]


def test_whoever_enters_above_the_limit_is_found(folder: Path) -> None:
    found = occupancies(
        folder, clock(0, limit=1), written("ZADD", SLOTS, NEVER, "a"), written("ZADD", SLOTS, NEVER, "b")
    )

    assert [one.is_over for one in found] == [False, False, True]


def test_a_lowered_limit_evicts_nobody_and_hides_nobody_who_enters(folder: Path) -> None:
    full = [clock(0, limit=3), *(written("ZADD", SLOTS, end, name) for name, end in [("a", 9), ("b", NEVER)])]

    found = occupancies(
        folder, *full, clock(0, limit=1), at_once(clock(9), written("ZADD", SLOTS, NEVER, "c"))
    )

    assert [one.is_over for one in found] == [False, False, False, False, True]
    assert found[-2:] == [(2, 1, 0), (2, 1, 1)]


def test_other_programmes_and_other_keys_do_not_count(folder: Path) -> None:
    found = occupancies(
        folder, written("ZADD", "{other}:slots", NEVER, "a"), written("ZADD", "{42500}:leases", NEVER, "a")
    )

    assert found == [(0, 0, 0), (0, 0, 0)]


def test_lost_data_are_lost_slots_and_a_new_clock(folder: Path) -> None:
    found = occupancies(
        folder,
        clock(9_000, limit=5),
        written("ZADD", SLOTS, NEVER, "a"),
        written("flushall"),
        clock(2_000, limit=7),
        written("ZADD", SLOTS, 3_000, "a"),
    )

    assert found[2:] == [(0, 0, 0), (0, 7, 0), (1, 7, 1)]


def test_a_write_to_the_slots_in_an_unknown_way_is_refused(folder: Path) -> None:
    with pytest.raises(AofError, match="COPY"):
        occupancies(folder, written("COPY", "{other}:slots", SLOTS))
