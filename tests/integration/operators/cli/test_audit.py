from sqlalchemy import Connection, update

from gateway.operators.cli.opening import Office
from gateway.register.schema import audit
from tests.integration.operators.cli.machine import PROGRAMME, WHY, Machine


def change(machine: Machine, times: int) -> None:
    for limit in range(times):
        machine.done("limit", "set", PROGRAMME, str(limit), *WHY)


def forge(machine: Machine, sequence: int, reason: str) -> None:
    """As somebody who may do anything with the database."""

    def write(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TRIGGER audit_keeps_UPDATE")
        connection.execute(update(audit).where(audit.c.sequence == sequence).values(reason=reason))

    async def change_line(office: Office) -> None:
        await office.register.write(write)

    machine.inside(change_line)


def test_lines_are_listed_newest_first_a_page_at_a_time(served: Machine) -> None:
    change(served, 3)

    lines = served.json("audit", "list", "--limit", "2")["lines"]

    assert [line["sequence"] for line in lines] == [6, 5]
    assert lines[0]["details"]["new"] == {"limit": 2}
    older = served.json("audit", "list", "--before", "5")["lines"]
    assert [line["sequence"] for line in older] == [4, 3, 2, 1]
    shown = served.done("audit", "list")
    assert "limit 1 -> 2" in shown
    assert WHY[1] in shown


def test_an_unbroken_trail_is_verified_with_its_head(served: Machine) -> None:
    assert served.json("audit", "verify") == {"broken": None, "head": {"sequence": 0, "hash": "0" * 64}}
    change(served, 2)

    newest = served.json("audit", "list", "--limit", "1")["lines"][0]["hash"]

    assert served.json("audit", "verify")["head"] == {"sequence": 4, "hash": newest}
    assert f"head 4:{newest}" in served.done("audit", "verify")
    assert served.run("audit", "verify", "--known", f"4:{newest}").exit_code == 0


def test_a_broken_trail_says_which_line(served: Machine) -> None:
    change(served, 3)
    forge(served, 4, "another")

    told = served.run("audit", "verify")

    assert told.exit_code == 1
    assert "line 4 is not as it was written" in told.stdout
    assert served.run("audit", "verify", "--json").exit_code == 1


def test_a_head_that_was_kept_elsewhere_finds_a_trail_that_was_written_anew(served: Machine) -> None:
    change(served, 1)

    assert served.run("audit", "verify", "--known", f"2:{'0' * 64}").exit_code == 1
    served.refused(2, "audit", "verify", "--known", "2")


def test_what_others_wrote_does_not_steer_the_terminal(served: Machine) -> None:
    change(served, 1)
    forge(served, 1, "\x1b[31m[bold]")

    shown = served.done("audit", "list")

    assert "\x1b" not in shown
    assert "[bold]" in shown
