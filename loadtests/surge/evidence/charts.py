"""The charts of a run, all on one time axis; what broke is marked on each."""

from collections.abc import Callable, Sequence

from loadtests.surge.evidence.drawing import (
    Chart,
    Line,
    Scale,
    draw,
    level,
    logarithmic,
    number_marks,
    seconds_up_to,
)
from loadtests.surge.evidence.rows import Course, Row
from loadtests.surge.evidence.tables import thousands
from loadtests.surge.faults import Happened

# As many as a screen has room for; a page of a long run stays small.
MOST_POINTS = 240

_TIME_UNIT = "seconds since the first arrival was due"

Value = Callable[[Row], float | None]


class Timeline:
    """`rows` are those of the charts: in a long run each stands for several seconds."""

    def __init__(self, course: Course, happened: Sequence[Happened]) -> None:
        self._course = course
        self.rows = course.rows(MOST_POINTS)
        self._step = float(self.rows[0].seconds)
        self._x = seconds_up_to(course.length)
        self._marks = number_marks([course.second_of(fault.at_us) for fault in happened], self._x.last)

    def charts(self) -> list[str]:
        charts = [self._crowd(), self._waiting(), self._slots(), self._latency()]
        return [draw(chart) for chart in [*charts, self._drain()]]

    def _crowd(self) -> Chart:
        lines = [
            self._line("offered by the curve", "offered", lambda row: row.offered, is_area=True),
            self._line("arrived", "arrived", lambda row: row.arrived),
            self._line("admitted", "admitted", lambda row: row.admitted),
            *self._if_any("refused: full, come back later", "full", lambda row: row.full),
            *self._if_any("refused: wrong form, too often and the like", "refused", lambda row: row.refused),
        ]
        most = max(y for line in lines for _, y in line.points)
        told = (
            f"People per second, at most {most:.0f}. "
            "Where arrivals follow the grey hill, the load was really offered."
        )
        return self._chart("crowd", "Offered, admitted, refused", told, level(most), "per second", lines)

    def _waiting(self) -> Chart:
        lines = self._if_any("waiting", "waiting", lambda row: row.waiting, is_area=True)
        most = max((y for line in lines for _, y in line.points), default=0)
        told = (
            f"People in line for a slot, as the service told. At most {thousands(most)}."
            if most
            else "Nobody had to wait."
        )
        return self._chart("waiting", "Waiting", told, level(most), "people", lines, height=120)

    def _slots(self) -> Chart:
        lines = [
            self._line("slots taken", "slots", lambda row: row.in_process, is_area=True),
            self._line("limit", "limit", lambda row: row.limit),
        ]
        taken, limits = ([y for _, y in line.points] for line in lines)
        told = (
            f"At most {thousands(max(taken, default=0))} slots were seen taken; "
            f"the limit was {_limits(limits)}."
        )
        return self._chart(
            "slots", "Slots against the limit", told, level(max([*taken, *limits], default=1)), "slots", lines
        )

    def _latency(self) -> Chart:
        lines = [
            self._line("p99", "p99", lambda row: row.p99_ms),
            self._line("p90", "p90", lambda row: row.p90_ms),
            self._line("p50", "p50", lambda row: row.p50_ms),
        ]
        values = [y for line in lines for _, y in line.points]
        told = (
            "Every answer, counted from the moment the person meant to act and drawn at it; "
            "each line up is ten times as long. "
            f"The worst moment had a p99 of {thousands(max(values, default=0))} ms."
        )
        return self._chart(
            "latency", "Latency", told, logarithmic(values or [1]), "milliseconds, logarithmic", lines
        )

    def _drain(self) -> Chart:
        run, rows = self._course.run, self.rows
        left = [
            (float(row.second), float((row.in_process or 0) + (row.waiting or 0)))
            for row in rows
            if row.second + row.seconds > run.profile.duration_seconds and row.in_process is not None
        ]
        drained = run.drained_in_seconds
        told = (
            "It was not seen empty."
            if drained is None
            else f"Slots taken and people in line, from the last arrival on: empty after {drained:.0f} s."
        )
        line = Line("slots taken and people waiting", "slots", left, is_area=True)
        y = level(max((count for _, count in left), default=0))
        return self._chart("drain", "Drain", told, y, "people", [line] if left else [], height=120)

    def _chart(
        self, key: str, title: str, told: str, y: Scale, unit: str, lines: Sequence[Line], height: int = 180
    ) -> Chart:
        return Chart(
            key=key,
            title=title,
            told=told,
            x=self._x,
            y=y,
            x_unit=_TIME_UNIT,
            y_unit=unit,
            lines=lines,
            marks=self._marks,
            shaded_from=self._course.run.profile.duration_seconds,
            height=height,
            step=self._step,
        )

    def _if_any(self, name: str, style: str, value: Value, *, is_area: bool = False) -> list[Line]:
        """A line that lay on the axis all the time would only be in the way."""
        line = self._line(name, style, value, is_area=is_area)
        return [line] if any(y for _, y in line.points) else []

    def _line(self, name: str, style: str, value: Value, *, is_area: bool = False) -> Line:
        points = [(row.second + row.seconds / 2, y) for row in self.rows if (y := value(row)) is not None]
        return Line(name, style, points, is_area)


def _limits(limits: Sequence[float]) -> str:
    """Name each limit there was, in its order."""
    changes = [limit for before, limit in zip([None, *limits], limits, strict=False) if limit != before]
    return ", then ".join(map(thousands, changes)) or "not told"
