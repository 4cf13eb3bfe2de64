from typing import Any

import rich_click as click

from gateway.http.wire import rfc3339
from gateway.operators.changing import Change, roll_back
from gateway.operators.cli.opening import Office, actor, work
from gateway.operators.cli.options import json_option, programme_argument, reason_option
from gateway.operators.cli.showing import moment, planned, show, span, table
from gateway.operators.cli.steering import tell
from gateway.operators.planning import cancel_plan
from gateway.register.plans import Plan


@click.group()
def changes() -> None:
    """Take a change back."""


@changes.command("rollback")
@programme_argument
@click.argument("sequence", type=click.IntRange(1))
@reason_option
@json_option
def rollback(programme: str, sequence: int, *, reason: str, as_json: bool) -> None:
    """Undo change SEQUENCE of PROGRAMME, as long as nobody has changed the same since.

    The number is what the change said when it was made, and what `audit list` shows.
    """

    async def undo(office: Office) -> Change:
        return await roll_back(office.desk, actor(), programme, sequence, reason)

    tell(programme, work(undo), as_json=as_json)


@click.group()
def plans() -> None:
    """Show or cancel changes that wait for their time."""


@plans.command("list")
@programme_argument
@json_option
def list_plans(programme: str, *, as_json: bool) -> None:
    """Print what is planned for PROGRAMME, the soonest first."""

    async def read(office: Office) -> list[Plan]:
        return await office.desk.plans.planned(office.desk.programme(programme).code)

    found = work(read)
    rows = [
        (
            plan.change,
            moment(plan.at_ms),
            ", ".join(f"{name} -> {planned(value)}" for name, value in plan.changes.items()),
            "the way back" if plan.goes_back else span(plan.for_seconds) if plan.for_seconds else "for good",
            plan.actor,
            plan.reason,
        )
        for plan in found
    ]
    listed = [_facts(plan) for plan in found]
    shown = table(["plan ", "at", "changes", "for", "by", "reason"], rows) if rows else "Nothing is planned."
    show({"programme": programme, "plans": listed}, shown, as_json=as_json)


@plans.command("cancel")
@programme_argument
@click.argument("plan", type=click.IntRange(1))
@json_option
def drop_plan(programme: str, plan: int, *, as_json: bool) -> None:
    """Cancel PLAN of PROGRAMME. A way back that is cancelled leaves what is in force for good."""

    async def cancel(office: Office) -> None:
        await cancel_plan(office.desk, actor(), programme, plan)

    work(cancel)
    answer = {"programme": programme, "plan": plan, "state": "cancelled"}
    show(answer, f"{programme}: plan {plan} is cancelled", as_json=as_json)


def _facts(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.change,
        "at": rfc3339(plan.at_ms),
        "for_seconds": plan.for_seconds,
        "changes": plan.changes,
        "expected": plan.expected,
        "reason": plan.reason,
        "actor": plan.actor,
        "goes_back": plan.goes_back,
    }
