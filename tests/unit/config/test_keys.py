import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.keys import Keys, KeysError, _write_once, activate_key, add_key, create_keys, load_keys

FULL = "ab" * 32
CREATE = "import sys; from pathlib import Path; from config.keys import create_keys; \
print(create_keys(Path(sys.argv[1])).lookup.hex())"
ADD = "import sys; from pathlib import Path; from config.keys import add_key; \
add_key(Path(sys.argv[1]), active=True)"


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


def test_a_key_is_added_under_the_next_number_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    before = create_keys(path)

    assert add_key(path, active=False) == 2
    assert add_key(path, active=True) == 3

    after = load_keys(path)
    assert (sorted(after.sealing), after.active) == ([1, 2, 3], 3)
    assert (after.sealing[1], after.lookup, after.webhook) == (
        before.sealing[1],
        before.lookup,
        before.webhook,
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_is_there_can_be_made_the_one_that_seals(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    create_keys(path)
    add_key(path, active=True)

    activate_key(path, 1)

    assert load_keys(path).active == 1
    with pytest.raises(KeysError, match="there is no key 3"):
        activate_key(path, 3)


def test_a_key_reaches_the_file_behind_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "keys.toml", tmp_path / "link.toml"
    create_keys(path)
    link.symlink_to(path)

    add_key(link, active=True)

    assert link.is_symlink()
    assert load_keys(path).active == 2


def test_keys_that_are_added_at_once_are_all_there(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    create_keys(path)
    adding = [subprocess.Popen([sys.executable, "-c", ADD, str(path)]) for _ in range(5)]

    assert [process.wait() for process in adding] == [0] * 5

    assert sorted(load_keys(path).sealing) == [1, 2, 3, 4, 5, 6]


def test_a_ring_without_a_free_number_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f'active = 255\nlookup = "{FULL}"\nwebhook = "{FULL}"\n[sealing]\n255 = "{FULL}"\n')
    before = path.read_text()

    with pytest.raises(KeysError, match="255 is taken"):
        add_key(path, active=True)

    assert path.read_text() == before
