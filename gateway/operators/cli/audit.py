import re
import sys
from typing import Any, Final

import rich_click as click
from rich.table import Table
from rich.text import Text

from gateway.http.wire import rfc3339
from gateway.operators.cli.failing import Exit
from gateway.operators.cli.opening import Office, work
from gateway.operators.cli.options import json_option
from gateway.operators.cli.showing import clean, moment, planned, show, table, word
from gateway.register.audit import Verification
from gateway.register.chain import AuditLine, Head

_HEAD: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


class KnownHead(click.ParamType[Head]):
    name = "sequence:hash"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        found = _HEAD.fullmatch(value)
        if found is None:
            self.fail("Expected SEQUENCE:HASH, as an earlier `audit verify` printed it", param, ctx)
        return Head(int(found[1]), found[2])


@click.group()
def audit() -> None:
    """Read or verify the audit trail: who did what and why."""


@audit.command("list")
@click.option("--before", type=click.IntRange(1), help="Lines older than this one.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="At most so many."
)
@json_option
def list_lines(*, before: int | None, limit: int, as_json: bool) -> None:
    """Print the newest lines, the newest first."""

    async def read(office: Office) -> list[AuditLine]:
        return await office.trail.read(before, limit)

    lines = work(read)
    shown = lines_table(lines) if lines else "The audit trail is empty."
    show({"lines": [line_facts(line) for line in lines]}, shown, as_json=as_json)


@audit.command("verify")
@click.option("--known", type=KnownHead(), help="A head that was printed before and kept elsewhere.")
@json_option
def verify(*, known: Head | None, as_json: bool) -> None:
    """Find the first line that was edited, taken out, moved, put in or cut off. Exit code 1: there is one.

    Keep the head that it prints where nobody who writes to the register can reach it: with --known even
    somebody who rewrites the whole trail is found out.
    """

    async def check(office: Office) -> Verification:
        return await office.trail.verify(known)

    found = work(check)
    head = f"{found.head.sequence}:{found.head.hash}"
    if found.broken is None:
        said = f"{found.head.sequence} lines, all as they were written\nhead {head}"
    else:
        said = f"line {found.broken} is not as it was written, or is gone\nhead {head}"
    answer = {"broken": found.broken, "head": {"sequence": found.head.sequence, "hash": found.head.hash}}
    show(answer, said, as_json=as_json)
    if found.broken is not None:
        sys.exit(Exit.NOT_DONE)


def line_text(line: AuditLine) -> Text:
    """Write a line that is cut off where the screen ends."""
    did = f"{moment(line.at_ms)}  {line.actor}  {line.action} {line.outcome}"
    parts = [did, line.programme, _matter(line), line.reason]
    return Text("  ".join(clean(part) for part in parts if part), no_wrap=True, overflow="ellipsis")


def lines_table(lines: list[AuditLine]) -> Table:
    rows = [
        (
            line.sequence,
            moment(line.at_ms),
            line.actor,
            line.action,
            line.outcome,
            line.programme or "",
            _matter(line),
            line.reason or "",
        )
        for line in lines
    ]
    return table(["line ", "at", "who", "did", "outcome", "where", "what", "why"], rows)


def line_facts(line: AuditLine) -> dict[str, Any]:
    return {
        "sequence": line.sequence,
        "at": rfc3339(line.at_ms),
        "actor": line.actor,
        "role": line.role,
        "action": line.action,
        "programme": line.programme,
        "subject": line.subject,
        "reason": line.reason,
        "outcome": line.outcome,
        "details": line.known_details,
        "hash": line.hash,
    }


def _matter(line: AuditLine) -> str:
    """What was changed from what to what, where it is a change that was made or is asked for."""
    details = line.known_details
    old, new = details.get("old"), details.get("new") or details.get("changes")
    if new:
        texts_last = sorted(new.items(), key=lambda change: change[0].startswith("message_"))
        return ", ".join(f"{name} {_before(old, name)}{planned(value)}" for name, value in texts_last)
    return line.subject or ""


def _before(old: dict[str, Any] | None, name: str) -> str:
    return f"{word(old[name])} -> " if old and name in old else "-> "
