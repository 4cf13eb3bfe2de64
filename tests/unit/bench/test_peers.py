from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PEERS = ROOT / "loadtests" / "bench" / "peers"


def pins(path: Path) -> dict[str, str]:
    """Each requirement's name, and its version with all that belongs to it."""
    lines = path.read_text().replace("\\\n", " ").splitlines()
    pinned = (line.partition("==") for line in lines if line and not line.lstrip().startswith("#"))
    return {name: rest for name, _, rest in pinned}


def test_every_part_of_the_peers_is_pinned_and_hashed() -> None:
    parts = pins(PEERS / "requirements.txt")

    assert parts
    assert [name for name, rest in parts.items() if "--hash=sha256:" not in rest] == []


@pytest.mark.parametrize("name", ["granian", "litestar", "msgspec", "uvloop", "arq", "redis", "hiredis"])
def test_the_peers_run_on_the_same_version_as_we(name: str) -> None:
    ours, theirs = pins(ROOT / "requirements" / "runtime.txt"), pins(PEERS / "requirements.txt")

    # Extras, as in redis[hiredis], are no part of what is pinned.
    assert theirs[name].split()[0] == ours[name].split()[0]
