import rich_click as click

from gateway.operators.casework import Case, is_dead_letter
from gateway.operators.cli.cases import case_argument, print_case
from gateway.operators.cli.failing import NotDone
from gateway.operators.cli.opening import Office, actor, work
from gateway.operators.cli.options import json_option, programme_argument, reason_option
from gateway.operators.cli.showing import moment, show, table


@click.group("dead-letters")
def dead_letters() -> None:
    """Cases that failed too often to be tried again by themselves."""


@dead_letters.command("list")
@programme_argument
@click.option(
    "--limit", type=click.IntRange(1, 1_000), default=100, show_default=True, help="At most so many."
)
@json_option
def list_dead_letters(programme: str, *, limit: int, as_json: bool) -> None:
    """Print the dead letters of PROGRAMME, the longest parked first."""

    async def read(office: Office) -> list[Case]:
        return await office.casework.dead_letters(programme, limit)

    found = work(read)
    rows = [(case.id, case.number, moment(case.history[-1].at), case.parks) for case in found]
    shown = table(["id", "number", "parked", "times "], rows) if rows else "There is no dead letter."
    show({"programme": programme, "cases": found}, shown, as_json=as_json)


@dead_letters.command("show")
@case_argument
@json_option
def show_dead_letter(reference: str, *, as_json: bool) -> None:
    """Print what is known of CASE, if it is a dead letter; nothing personal."""

    async def read(office: Office) -> Case:
        return await office.casework.find(reference)

    case = work(read)
    if not is_dead_letter(case):
        raise NotDone(f"{case.id} is no dead letter, but {case.state}")
    print_case(case, None, as_json=as_json)


@dead_letters.command("replay")
@programme_argument
@reason_option
@json_option
def replay(programme: str, *, reason: str, as_json: bool) -> None:
    """Let all dead letters of PROGRAMME be tried again, once their cause is put right.

    With the next sweep, through free slots. One alone: qabyldau cases retry.
    """

    async def replay_all(office: Office) -> int:
        return await office.casework.replay(actor(), reason, programme)

    count = work(replay_all)
    answer = {"programme": programme, "replayed": count}
    show(answer, f"{programme}: {count} dead letters are tried again with the next sweep", as_json=as_json)
