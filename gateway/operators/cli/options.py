"""Options that several commands share."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import rich_click as click

from gateway.domain.calendar import ALMATY

F = TypeVar("F", bound=Callable[..., Any])

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_SPAN: Final = re.compile(r"([0-9]{1,8})([smhd]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Moment(click.ParamType[int]):
    """`09:00`, the next one in Almaty, or RFC 3339 with its offset; becomes epoch milliseconds."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        clock = _CLOCK.fullmatch(value)
        if clock:
            now = datetime.now(ALMATY)
            moment = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
            moment += timedelta(days=moment <= now)
        else:
            moment = self._read(value, param, ctx)
        return int(moment.timestamp() * 1000)

    def _read(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail("Expected 09:00 (in Almaty) or a moment such as 2026-11-21T09:00:00+05:00", param, ctx)
        return moment


class Span(click.ParamType[int]):
    """`90`, `90s`, `30m`, `8h` or `30d`; becomes seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        span = _SPAN.fullmatch(value)
        if span is None or not int(span[1]):
            self.fail("Expected a span such as 90s, 30m, 8h or 30d", param, ctx)
        return int(span[1]) * _SECONDS[span[2]]


programme_argument = click.argument("programme")
json_option = click.option("--json", "as_json", is_flag=True, help="One line of JSON, for scripts.")
reason_option = click.option("--reason", required=True, help="Why: it is kept in the audit trail.")


def change_options(command: F) -> F:
    """Add what every change of a control takes: why, from when, for how long."""
    options = (
        reason_option,
        click.option("--at", type=Moment(), help="Not now but then: 09:00 (Almaty), or RFC 3339."),
        click.option("--for", "for_seconds", type=Span(), help="For 30m, 8h or 2d, and then back."),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command
