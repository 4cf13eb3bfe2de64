import pytest

from gateway.operators.cli.opening import Office
from gateway.operators.desk import now_ms
from gateway.register.tokens import Holder, Role
from tests.integration.operators.cli.machine import WHY, Machine


def holder_of(machine: Machine, token: str) -> Holder | None:
    async def find(office: Office) -> Holder | None:
        return await office.tokens.find(token, now_ms())

    return machine.inside(find)


def test_a_token_is_shown_once_and_opens_until_it_is_revoked(machine: Machine) -> None:
    token = machine.done(
        "tokens", "create", "olzhas", "--role", "operator", "--valid-for", "8h", *WHY
    ).strip()

    holder = holder_of(machine, token)
    assert holder is not None
    assert (holder.name, holder.role) == ("olzhas", Role.OPERATOR)
    assert holder.expires_at_ms - holder.created_at_ms <= 8 * 3_600_000
    (listed,) = machine.json("tokens", "list")["tokens"]
    assert (listed["name"], listed["role"], listed["state"]) == ("olzhas", "operator", "valid")
    assert token not in str(machine.trail())

    machine.done("tokens", "revoke", "olzhas", *WHY)

    assert holder_of(machine, token) is None
    assert "revoked" in machine.done("tokens", "list")
    assert machine.outcomes("create_token") == machine.outcomes("revoke_token") == ["requested", "done"]


def test_a_script_gets_the_token_with_what_it_is_for(machine: Machine) -> None:
    made = machine.json("tokens", "create", "vera", "--role", "viewer", *WHY)

    holder = holder_of(machine, made.pop("token"))
    assert holder is not None
    assert made.keys() == {"name", "role", "expires_at"}
    assert (made["name"], made["role"]) == ("vera", "viewer")


def test_two_valid_tokens_never_share_a_name(machine: Machine) -> None:
    machine.done("tokens", "create", "vera", "--role", "viewer", *WHY)

    said = machine.run("tokens", "create", "vera", "--role", "operator", *WHY)

    assert said.exit_code == 1
    assert machine.outcomes("create_token")[-1] == "refused"


@pytest.mark.parametrize("name", ["cli:root", "", "vera timur", "x" * 65, "vera\n"])
def test_a_name_is_one_that_the_trail_can_tell_from_others(machine: Machine, name: str) -> None:
    machine.refused(2, "tokens", "create", name, "--role", "viewer", *WHY)


def test_a_token_does_not_live_for_years(machine: Machine) -> None:
    machine.refused(2, "tokens", "create", "vera", "--role", "viewer", "--valid-for", "367d", *WHY)


def test_a_token_that_nobody_has_cannot_be_revoked(machine: Machine) -> None:
    assert machine.done("tokens", "list") == "There is no token yet.\n"
    machine.refused(1, "tokens", "revoke", "vera", *WHY)


def test_tokens_need_no_redis(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QABYLDAU_REDIS_URL")

    machine.done("tokens", "create", "vera", "--role", "viewer", *WHY)
