import os
import pwd
from pathlib import Path

import pytest

from config.settings import embedded_url_file
from gateway.operators.cli.opening import Office
from gateway.operators.planning import carry_out_due
from tests.integration.operators.cli.machine import PROGRAMME, WHY, Machine

MESSAGES = ("--kk", "Күте тұрыңыз", "--ru", "Подождите", "--en", "Please wait")


def test_a_limit_that_is_set_is_in_force_and_outlives_the_seed(served: Machine) -> None:
    said = served.done("limit", "set", PROGRAMME, "18000", *WHY)

    assert said == "42500: limit 25000 -> 18000 (change 2)\n"
    assert served.serve() == 18_000
    assert served.done("limit", "show", PROGRAMME) == "18000\n"
    assert served.json("limit", "show", PROGRAMME) == {"programme": PROGRAMME, "limit": 18_000}


def test_a_change_is_told_to_scripts_as_the_api_tells_it(served: Machine) -> None:
    assert served.json("limit", "set", PROGRAMME, "18000", *WHY) == {
        "programme": PROGRAMME,
        "change": 2,
        "old": {"limit": 25_000},
        "new": {"limit": 18_000},
        "state": "done",
    }


def test_a_change_is_audited_under_the_name_that_the_operating_system_knows(
    served: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "somebody else")
    monkeypatch.setenv("LOGNAME", "somebody else")

    served.done("limit", "set", PROGRAMME, "18000", *WHY)

    done, requested = served.trail()
    assert {done.actor, requested.actor} == {f"cli:{pwd.getpwuid(os.getuid()).pw_name}"}
    assert [requested.outcome, done.outcome] == ["requested", "done"]
    assert (done.programme, done.reason) == (PROGRAMME, WHY[1])
    assert done.known_details["new"] == {"limit": 18_000}


def test_whoever_was_slower_hears_it_and_changes_nothing(served: Machine) -> None:
    served.done("limit", "set", PROGRAMME, "18000", *WHY)

    said = served.refused(3, "limit", "set", PROGRAMME, "30000", "--expected", "25000", *WHY)

    assert "limit is 18000 by now" in said
    assert served.serve() == 18_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("limit", "set", PROGRAMME, "1000001", *WHY), "0<=x<=1000000"),
        (("limit", "set", PROGRAMME, "many", *WHY), "'many'"),
        (("limit", "set", PROGRAMME, "18000"), "--reason"),
        (("limit", "set", PROGRAMME, "18000", "--reason", " "), "--reason"),
        (("limit", "set", PROGRAMME, "18000", "--reason", "two\nlines"), "--reason"),
        (("limit", "set", PROGRAMME, "18000", "--at", "noon", *WHY), "09:00"),
        (("limit", "set", PROGRAMME, "18000", "--at", "2020-01-01T09:00:00+05:00", *WHY), "--at"),
        (("limit", "set", PROGRAMME, "18000", "--at", "2099-01-01T09:00:00", *WHY), "09:00"),
        (("limit", "set", PROGRAMME, "18000", "--for", "0m", *WHY), "30m"),
        (("limit", "set", PROGRAMME, "18000", "--for", "90d", *WHY), "--for"),
        (("limit", "set", "99999", "1", *WHY), "no programme 99999"),
        (("mode", "set", PROGRAMME, "shut", *WHY), "'line_for_all'"),
        (("mode", "set", PROGRAMME, "hold", *WHY), "message_kk, message_ru and message_en"),
        (("category", "close", PROGRAMME, "nobody", *WHY), "entrepreneur"),
        (("controls", "set", PROGRAMME, "addres_count=1", *WHY), "addres_count"),
        (("controls", "set", PROGRAMME, "address_count", *WHY), "NAME=VALUE"),
        (("controls", "set", PROGRAMME, "address_count=0", *WHY), "1 to 10000000"),
        (("controls", "set", PROGRAMME, "address_count=٣", *WHY), "1 to 10000000"),
        (("controls", "set", PROGRAMME, "address_shadow=maybe", *WHY), "true or false"),
        (("controls", "set", PROGRAMME, "mode=shut", *WHY), "line_for_all"),
    ],
)
def test_a_wrong_call_is_told_with_what_is_right(
    served: Machine, arguments: tuple[str, ...], said: str
) -> None:
    assert said in served.refused(2, *arguments)
    assert served.serve() == 25_000
    assert "done" not in [line.outcome for line in served.trail()]


def test_a_programme_that_nobody_has_served_yet_cannot_be_steered(machine: Machine) -> None:
    assert "no gateway has served" in machine.refused(1, "limit", "show", PROGRAMME)
    assert "no gateway has served" in machine.refused(1, "limit", "set", PROGRAMME, "1", *WHY)


def test_a_mode_says_why_in_three_languages_and_keeps_saying_it(served: Machine) -> None:
    served.done("mode", "set", PROGRAMME, "hold", *MESSAGES, *WHY)
    served.done("mode", "set", PROGRAMME, "drain", "--expected", "hold", *WHY)

    assert served.json("mode", "show", PROGRAMME) == {
        "programme": PROGRAMME,
        "mode": "drain",
        "messages": {"kk": "Күте тұрыңыз", "ru": "Подождите", "en": "Please wait"},
    }
    assert "Күте тұрыңыз" in served.done("mode", "show", PROGRAMME)


def test_a_category_is_closed_and_opened(served: Machine) -> None:
    served.done("category", "close", PROGRAMME, "contractor", *WHY)
    assert served.json("category", "show", PROGRAMME)["categories"]["contractor"] is False

    served.done("category", "open", PROGRAMME, "contractor", *WHY)
    assert served.json("category", "show", PROGRAMME)["categories"]["contractor"] is True


def test_several_controls_change_together_and_go_back_to_the_file(served: Machine) -> None:
    served.done("controls", "set", PROGRAMME, "address_count=500", "address_shadow=on", *WHY)
    changed = served.json("controls", "show", PROGRAMME, "address_count", "address_shadow")["controls"]
    assert [(one["value"], one["default"], one["overridden"]) for one in changed] == [
        (500, 300, True),
        (True, False, True),
    ]
    assert "address_count *" in served.done("controls", "show", PROGRAMME)

    served.done("controls", "reset", PROGRAMME, "address_count", "address_shadow", *WHY)
    reset = served.json("controls", "show", PROGRAMME, "address_count", "address_shadow")["controls"]
    assert [one["overridden"] for one in reset] == [False, False]


def test_a_control_is_changed_only_if_it_still_is_what_was_expected(served: Machine) -> None:
    late = ("controls", "set", PROGRAMME, "address_count=500", "--expected", "address_count=100", *WHY)

    assert "address_count is 300 by now" in served.refused(3, *late)


def test_a_change_is_taken_back_once(served: Machine) -> None:
    change = served.json("controls", "set", PROGRAMME, "address_count=500", "person_count=9", *WHY)["change"]

    undone = served.json("changes", "rollback", PROGRAMME, str(change), *WHY)

    assert undone["new"] == {"address_count": 300, "person_count": 30}
    assert "by now" in served.refused(3, "changes", "rollback", PROGRAMME, str(change), *WHY)
    assert "999" in served.refused(1, "changes", "rollback", PROGRAMME, "999", *WHY)


def test_a_change_waits_for_its_time_and_can_be_cancelled(served: Machine) -> None:
    planned = served.json("limit", "set", PROGRAMME, "18000", "--at", "09:00", "--for", "30m", *WHY)
    assert planned["state"] == "planned"
    (plan,) = served.json("plans", "list", PROGRAMME)["plans"]
    assert (plan["id"], plan["changes"], plan["for_seconds"]) == (planned["change"], {"limit": 18_000}, 1_800)
    assert plan["at"].endswith("T04:00:00.000Z")
    assert "30 min" in served.done("plans", "list", PROGRAMME)

    served.done("plans", "cancel", PROGRAMME, str(planned["change"]))

    assert served.done("plans", "list", PROGRAMME) == "Nothing is planned.\n"
    served.refused(1, "plans", "cancel", PROGRAMME, str(planned["change"]))
    assert served.serve() == 25_000


def test_a_change_for_a_while_goes_back_by_itself(served: Machine) -> None:
    served.done("mode", "set", PROGRAMME, "hold", *MESSAGES, "--for", "2h", *WHY)
    assert "the way back" in served.done("plans", "list", PROGRAMME)

    async def wait(office: Office) -> None:
        await carry_out_due(office.desk, 9_000_000_000_000)

    served.inside(wait)

    assert served.json("mode", "show", PROGRAMME)["mode"] == "open"


def test_without_redis_nothing_is_known_to_have_changed(
    served: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QABYLDAU_REDIS_URL", "redis://127.0.0.1:1/0")

    assert "Redis" in served.refused(4, "limit", "show", PROGRAMME)
    assert "Redis" in served.refused(4, "limit", "set", PROGRAMME, "18000", *WHY)


def test_without_the_register_nothing_is_changed(served: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QABYLDAU_REGISTER_URL", f"sqlite:///{served.settings.data_dir}/no/such/folder.db")

    assert "register" in served.refused(4, "limit", "set", PROGRAMME, "18000", *WHY)
    assert served.serve() == 25_000


@pytest.mark.parametrize(
    ("variable", "value"),
    [("QABYLDAU_PORT", "door"), ("QABYLDAU_REGISTER_URL", "mysql://host/db"), ("QABYLDAU_NO_SUCH", "1")],
)
def test_a_wrong_setting_is_named(
    served: Machine, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert variable in served.refused(2, "audit", "list")


def test_the_embedded_server_of_a_running_service_is_found(
    served: Machine, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.delenv("QABYLDAU_REDIS_URL")
    assert "QABYLDAU_REDIS_URL" in served.refused(2, "limit", "show", PROGRAMME)

    Path(embedded_url_file(served.settings)).write_text(redis_url)

    assert served.done("limit", "show", PROGRAMME) == "25000\n"
