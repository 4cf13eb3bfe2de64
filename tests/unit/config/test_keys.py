import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.keys import Keys, KeysError, _write_once, create_keys, load_keys

FULL = "ab" * 32
CREATE = "import sys; from pathlib import Path; from config.keys import create_keys; \
print(create_keys(Path(sys.argv[1])).lookup.hex())"


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys.toml"

    keys = create_keys(path)

    assert create_keys(path) == load_keys(path) == keys
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys.toml"]
    assert keys.active in keys.sealing
    assert len({*keys.sealing.values(), keys.lookup, keys.webhook}) == 3
    assert {len(key) for key in (*keys.sealing.values(), keys.lookup, keys.webhook)} == {32}


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    assert create_keys(tmp_path / "a.toml").sealing != create_keys(tmp_path / "b.toml").sealing


def test_processes_that_race_end_up_with_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    racers = [
        subprocess.Popen([sys.executable, "-c", CREATE, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    seen = {racer.communicate()[0] for racer in racers}

    assert seen == {f"{load_keys(path).lookup.hex()}\n"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_appears_in_the_meantime_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    first = create_keys(path)

    _write_once(path, "active = 9")

    assert load_keys(path) == first
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    path = tmp_path / "data" / "keys.toml"

    with pytest.raises(KeysError) as error:
        create_keys(path)
    assert str(error.value).startswith(f"{path}: cannot be made: ")


def test_a_ring_of_several_keys_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(
        f'active = 2\nlookup = "{FULL}"\nwebhook = "{FULL}"\n[sealing]\n1 = "{FULL}"\n2 = "{FULL}"\n'
    )
    key = bytes.fromhex(FULL)

    assert load_keys(path) == Keys({1: key, 2: key}, 2, key, key)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("active = 1", "", "active: expected the number of a key under [sealing]"),
        ("active = 1", "active = 2", "active: expected the number of a key under [sealing]"),
        ("active = 1", 'active = "1"', "active: expected the number of a key under [sealing]"),
        ("active = 1", "active = true", "active: expected the number of a key under [sealing]"),
        ("active = 1", "active = []", "active: expected the number of a key under [sealing]"),
        (
            "active",
            "passive = 1\nactive",
            "passive: unknown key, expected active, lookup, webhook, [sealing]",
        ),
        ("lookup", "look = 1 #", "look: unknown key"),
        (f'lookup = "{FULL}"', "", "lookup: expected 32 bytes as 64 hexadecimal digits"),
        (f'lookup = "{FULL}"', "lookup = 7", "lookup: expected 32 bytes as 64 hexadecimal digits"),
        (f'webhook = "{FULL}"', 'webhook = "abcd"', "webhook: expected 32 bytes as 64 hexadecimal digits"),
        (f'1 = "{FULL}"', f'1 = "{FULL[:-2]}zz"', "sealing.1: expected 32 bytes as 64 hexadecimal digits"),
        (
            f'1 = "{FULL}"',
            f'256 = "{FULL}"',
            "sealing: a key's name is expected to be a number from 0 to 255",
        ),
        (f'1 = "{FULL}"', f'01 = "{FULL}"', "sealing: a key's name is expected to be a number from 0 to 255"),
        (
            f'1 = "{FULL}"',
            f'one = "{FULL}"',
            "sealing: a key's name is expected to be a number from 0 to 255",
        ),
        (f'1 = "{FULL}"', "", "sealing: expected a table [sealing] with at least one key"),
        ("[sealing]", "[lookup]", "is not TOML: "),
        ("[sealing]", "", "1: unknown key"),
    ],
)
def test_a_wrong_file_is_named_without_its_keys(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = tmp_path / "keys.toml"
    text = f'active = 1\nlookup = "{FULL}"\nwebhook = "{FULL}"\n[sealing]\n1 = "{FULL}"\n'
    assert old in text
    path.write_text(text.replace(old, new, 1))

    with pytest.raises(KeysError) as error:
        load_keys(path)

    assert str(error.value).startswith(f"{path}: {expected}")
    assert FULL[:-2] not in str(error.value)


def test_a_repr_shows_no_key(tmp_path: Path) -> None:
    keys = create_keys(tmp_path / "keys.toml")

    assert repr(keys) == "Keys(sealing=[1], active=1)"
