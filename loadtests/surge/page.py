"""The page of a run: the verdict first, then what was asked, what was seen, and on what machine."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from loadtests.surge.evidence.asked import describe_faults, describe_load, describe_machine, how_again
from loadtests.surge.evidence.charts import Timeline
from loadtests.surge.evidence.document import document, folded, section
from loadtests.surge.evidence.promises import show_promises
from loadtests.surge.evidence.rows import Course, course_of, write_csv
from loadtests.surge.evidence.tables import MOST_ROWS, counts, latencies_by_step, over_time, render
from loadtests.surge.evidence.verdict import banner, checks, word
from loadtests.surge.faults import read_faults
from loadtests.surge.figures import Figures
from loadtests.surge.run import Run
from loadtests.surge.service import ROOT
from loadtests.surge.verdicts import Verdict

PAGE = "page.html"
CSV = "run.csv"

_KEPT = ROOT / "docs" / "evidence"


def write_page(run: Run, figures: Figures, verdicts: Sequence[Verdict]) -> None:
    """Leave `page.html` and `run.csv` in the run's folder."""
    course = course_of(run, figures)
    write_csv(course.rows(), run.folder / CSV)
    (run.folder / PAGE).write_text(_page(course, figures, verdicts))


def keep(run: Run, page: Path, folder: Path = _KEPT) -> Path:
    """Copy the page of a run to where the latest of each profile is kept; return where that is."""
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.copyfile(page, folder / f"{run.profile.name}.html")


def _page(course: Course, figures: Figures, verdicts: Sequence[Verdict]) -> str:
    run, happened = course.run, read_faults(course.run.faults)
    timeline = Timeline(course, happened)
    parts = [
        f"<header><h1>Rehearsal: {run.profile.name.replace('_', ' ')}</h1></header>",
        banner(verdicts),
        checks(verdicts, str(run.folder)),
        section("What was asked", describe_load(course, figures), describe_faults(course, happened)),
        section(
            "What happened",
            "<p>All charts but that of the promises share one time axis. Shaded: after the last arrival.</p>",
            *timeline.charts(),
            folded("The charts in figures", render(over_time(course.rows(MOST_ROWS)))),
        ),
        section("Was the promise kept", show_promises(figures, run.profile.thresholds.most_eta_error)),
        section("Latency by step", render(latencies_by_step(figures))),
        section(
            "How it ended for people",
            render(counts("Visits, by how they ended", ("Ended", "Visits"), figures.outcomes)),
            render(
                counts("Answers no healthy service gives", ("Step and answer", "Answers"), figures.unexpected)
            )
            if figures.unexpected
            else "<p>There was no answer that a healthy service does not give.</p>",
        ),
        section("Where and how", describe_machine(run), "<h3>Again</h3>", how_again(run)),
    ]
    return document(f"{word(verdicts)}: {run.profile.name}", parts)
