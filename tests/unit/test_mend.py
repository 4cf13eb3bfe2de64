from pathlib import Path

import pytest

from supervisor.mend import find_damage, mend

ONE, OTHER = f"42500-{'a' * 26}", f"42500-{'b' * 26}"


def command(*words: str) -> bytes:
    return f"*{len(words)}\r\n".encode() + b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words)


def step(application_id: str) -> bytes:
    case = f"{{42500}}:case:{application_id}"
    return command("MULTI") + command("HSET", case, "state", "accepted") + command("EXEC")


BEFORE, DAMAGED, AFTER = command("SELECT", "0") + step(ONE), step(OTHER), step(ONE)


@pytest.mark.parametrize("mark", [b"*1", b"$5", b"MULTI", b"*4", b"HSET", b"$5\r\nstate", b"EXEC"])
def test_a_changed_mark_costs_the_step_it_is_in_and_nothing_else(mark: bytes, tmp_path: Path) -> None:
    file = tmp_path / "appendonly.aof.1.incr.aof"
    at = DAMAGED.index(mark)
    broken = DAMAGED[:at] + bytes([DAMAGED[at] ^ 1]) + DAMAGED[at + 1 :]
    file.write_bytes(BEFORE + broken + AFTER)

    ((path, cut),) = mend(tmp_path)

    assert (path, cut.ids) == (file, (OTHER,))
    assert file.read_bytes() == BEFORE + AFTER
    assert file.with_suffix(".aof.damaged").read_bytes() == BEFORE + broken + AFTER


def test_what_was_torn_off_at_the_end_is_left_out() -> None:
    (cut,) = find_damage(BEFORE + DAMAGED[:-4])

    assert (cut.begins, cut.ids) == (len(BEFORE), (OTHER,))


def test_a_whole_file_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "appendonly.aof.1.incr.aof"
    file.write_bytes(BEFORE + AFTER)

    assert mend(tmp_path) == []
    assert list(tmp_path.iterdir()) == [file]
