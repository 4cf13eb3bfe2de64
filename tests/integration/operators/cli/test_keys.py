import stat

from config.keys import load_keys
from gateway.operators.cli.opening import Office
from tests.integration.operators.cli.machine import NAME, VERIFYING, WHY, Machine


def test_a_new_key_seals_and_the_old_one_still_opens(served: Machine) -> None:
    _, number = served.registered(VERIFYING)

    said = served.done("keys", "rotate", *WHY)

    assert "Stop all gateways and workers" in said
    assert served.json("keys", "show") == {"keys": [1, 2], "active": 2}
    assert stat.S_IMODE(served.settings.keys_path.stat().st_mode) == 0o600
    assert NAME in served.done("cases", "show", number, "--personal", *WHY)

    async def sealed_with(office: Office) -> int:
        return office.read_keyring().seal(b"", "")[1]

    assert served.inside(sealed_with) == 2


def test_a_key_is_added_first_and_seals_later(machine: Machine) -> None:
    assert machine.json("keys", "add", *WHY)["active"] == 1
    assert machine.json("keys", "activate", "2", *WHY)["active"] == 2
    assert "there is no key 9" in machine.refused(2, "keys", "activate", "9", *WHY)
    assert machine.done("keys", "show") == "keys [1, 2], of which 2 seals\n"


def test_a_change_of_keys_is_audited_without_a_key(machine: Machine) -> None:
    machine.done("keys", "rotate", *WHY)

    done, _ = machine.trail()
    keys = load_keys(machine.settings.keys_path)
    assert (done.action, done.known_details["key"]) == ("rotate_keys", 2)
    assert not any(key.hex() in str(machine.trail()) for key in keys.sealing.values())


def test_without_keys_or_a_reason_nothing_is_changed(machine: Machine) -> None:
    machine.refused(2, "keys", "rotate")
    machine.settings.keys_path.unlink()

    assert "keys.toml" in machine.refused(2, "keys", "rotate", *WHY)
    assert machine.outcomes("rotate_keys") == ["requested", "refused"]
