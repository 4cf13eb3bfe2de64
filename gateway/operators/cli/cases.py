import sys

import msgspec
import rich_click as click
from rich.table import Table

from gateway.domain.identifiers import IdentifierError, Iin
from gateway.operators.casework import Case, Personal, is_contested, is_dead_letter
from gateway.operators.cli.failing import Exit, WrongCall
from gateway.operators.cli.opening import Office, actor, work
from gateway.operators.cli.options import json_option, programme_argument, reason_option
from gateway.operators.cli.showing import moment, pairs, show, table

case_argument = click.argument("reference", metavar="CASE")

_SEALED = "sealed: --personal --reason … opens it, and is written into the audit trail"


@click.group()
def cases() -> None:
    """Find, show, retry or settle one case. CASE is its id or its journal number."""


@cases.command("find")
@click.argument("reference", metavar="CASE", required=False)
@click.option("--iin-from-stdin", is_flag=True, help="Read an IIN, one line; needs --reason, is audited.")
@click.option("--reason", help="Why somebody is looked up by IIN: it is kept in the audit trail.")
@click.option("--programme", "programmes", multiple=True, help="Only in this programme; may be repeated.")
@json_option
def find_cases(
    reference: str | None,
    *,
    iin_from_stdin: bool,
    reason: str | None,
    programmes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find a case by id or journal number, or all of a person.

    An IIN is no argument: it would stay in the history of the shell and in the list of processes. Whoever has
    lost everything is found with --iin-from-stdin; at once only its keyed hash is kept.
    """
    if iin_from_stdin is bool(reference):
        raise click.UsageError("Expected either CASE or --iin-from-stdin")
    if iin_from_stdin:
        if reason is None:
            raise click.UsageError("--iin-from-stdin needs --reason: looking up a person is audited")
        found = _find_person(_read_iin(), reason, programmes)
    else:
        found = [_find(reference or "")]
    rows = [
        (case.id, case.number, case.state, moment(case.accepted_at), case.park_reason or "") for case in found
    ]
    shown = table(["id", "number", "state", "accepted", "parked for"], rows) if rows else "No case is known."
    show({"cases": found}, shown, as_json=as_json)
    if not found:
        sys.exit(Exit.NOT_DONE)


@cases.command("show")
@case_argument
@click.option("--personal", is_flag=True, help="Open the sealed record; needs --reason, is audited.")
@click.option("--reason", help="Why personal data is looked at: it is kept in the audit trail.")
@json_option
def show_case(reference: str, *, personal: bool, reason: str | None, as_json: bool) -> None:
    """Print what is known of CASE, without what is personal unless --personal is given."""
    if personal and reason is None:
        raise click.UsageError("--personal needs --reason: looking at personal data is audited")
    if personal:
        case, opened = _open(reference, reason or "")
    else:
        case, opened = _find(reference), None
    print_case(case, opened, as_json=as_json)


@cases.command("retry")
@case_argument
@reason_option
@json_option
def retry_case(reference: str, *, reason: str, as_json: bool) -> None:
    """Let CASE, which is parked, be tried again: with the next sweep, through a free slot."""

    async def retry(office: Office) -> Case:
        case = await office.casework.find(reference)
        await office.casework.retry(actor(), reason, case)
        return case

    case = work(retry)
    answer = {"id": case.id, "number": case.number, "state": "due"}
    show(answer, f"{case.id} is tried again with the next sweep, through a free slot", as_json=as_json)


@cases.command("contested")
@programme_argument
@click.option(
    "--limit", type=click.IntRange(1, 1_000), default=100, show_default=True, help="At most so many."
)
@json_option
def list_contested(programme: str, *, limit: int, as_json: bool) -> None:
    """Print the cases of PROGRAMME whose phone is not the person's, the longest parked first."""

    async def read(office: Office) -> list[Case]:
        return await office.casework.contested(programme, limit)

    found = work(read)
    rows = [(case.id, case.number, moment(case.history[-1].at), case.parks) for case in found]
    shown = table(["id", "number", "parked", "times "], rows) if rows else "No case is contested."
    show({"programme": programme, "cases": found}, shown, as_json=as_json)


@cases.command("uphold")
@case_argument
@reason_option
@json_option
def uphold_case(reference: str, *, reason: str, as_json: bool) -> None:
    """Let CASE, which is contested, go on: its phone is the person's, whatever the base says."""

    async def uphold(office: Office) -> Case:
        case = await office.casework.find(reference)
        await office.casework.uphold(actor(), reason, case)
        return case

    case = work(uphold)
    answer = {"id": case.id, "number": case.number, "state": "due"}
    show(answer, f"{case.id} goes on with the next sweep, through a free slot", as_json=as_json)


@cases.command("refuse")
@case_argument
@reason_option
@json_option
def refuse_case(reference: str, *, reason: str, as_json: bool) -> None:
    """Refuse CASE, which is contested: its applicant is told, and may apply again."""

    async def refuse(office: Office) -> Case:
        case = await office.casework.find(reference)
        await office.casework.refuse(actor(), reason, case)
        return case

    case = work(refuse)
    answer = {"id": case.id, "number": case.number, "state": "refused"}
    show(answer, f"{case.id} is refused, and its applicant will be told", as_json=as_json)


def print_case(case: Case, opened: Personal | None, *, as_json: bool) -> None:
    answer = msgspec.to_builtins(case)
    if opened:
        answer["personal"] = msgspec.to_builtins(opened)
    show(answer, _page(case, opened), as_json=as_json)


def _find(reference: str) -> Case:
    async def find(office: Office) -> Case:
        return await office.casework.find(reference)

    return work(find)


def _open(reference: str, reason: str) -> tuple[Case, Personal]:
    async def open_it(office: Office) -> tuple[Case, Personal]:
        case = await office.casework.find(reference)
        return case, await office.casework.open(actor(), reason, office.read_keyring(), case)

    return work(open_it)


def _find_person(iin: Iin, reason: str, programmes: tuple[str, ...]) -> list[Case]:
    async def find(office: Office) -> list[Case]:
        keyring = office.read_keyring()
        return [
            case
            for code in programmes or tuple(office.programmes)
            for case in await office.casework.find_by_iin(actor(), reason, keyring, iin, code)
        ]

    return work(find)


def _read_iin() -> Iin:
    """Ask without an echo where somebody types."""
    text = click.prompt("IIN", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    try:
        return Iin.parse(text.strip())
    except IdentifierError as error:
        raise WrongCall(f"what was read is no IIN: {error}") from None


def _state_of(case: Case) -> str:
    if is_dead_letter(case):
        return "parked, dead letter"
    return "parked, contested" if is_contested(case) else case.state


def _page(case: Case, opened: Personal | None) -> Table:
    rows: list[tuple[str, object]] = [
        ("id", case.id),
        ("number", case.number),
        ("programme", case.programme),
        ("state", _state_of(case)),
        ("category", case.category),
        ("in flight", {True: "yes", False: "no", None: "not known, Redis does not answer"}[case.in_flight]),
        *((f"  {step.state}", moment(step.at)) for step in case.history),
    ]
    more = {
        "parked for": case.park_reason,
        "tried again": case.retry_at and moment(case.retry_at),
        "times parked": case.parks or None,
        "ended": case.ended_at and moment(case.ended_at),
        "told": case.notified_at and moment(case.notified_at),
        "erased": case.erased_at and moment(case.erased_at),
    }
    rows += [(name, value) for name, value in more.items() if value is not None]
    if opened is None:
        return pairs([*rows, ("personal data", "erased" if case.erased_at else _SEALED)])
    personal = msgspec.to_builtins(opened)
    return pairs([*rows, *((name.replace("_", " "), value) for name, value in personal.items())])
