"""The page of a soak: what was done, what was lost, what grew."""

from collections.abc import Iterator, Sequence

from loadtests.soak.growth import KEEPERS, MOST_FILES_A_MINUTE, MOST_KB_A_MINUTE, Growth
from loadtests.soak.slopes import Slope
from loadtests.surge.run import Run
from loadtests.surge.verdicts import Verdict


def write_page(run: Run, verdicts: Sequence[Verdict], grown: Sequence[Growth], *, held: bool) -> str:
    return "\n".join(_lines(run, verdicts, grown, held=held)) + "\n"


def _lines(run: Run, verdicts: Sequence[Verdict], grown: Sequence[Growth], *, held: bool) -> Iterator[str]:
    profile, machine = run.profile, run.machine
    minutes = (profile.duration_seconds - profile.curve[1].second) / 60
    multiple = max(point.multiple for point in profile.curve)
    total = run.tally().total
    yield f"# Soak: {'held' if held else 'BROKEN'}"
    yield ""
    yield (
        f"{minutes:g} minutes at {multiple:g} of capacity ({run.capacity.people_per_second:.0f} people a "
        "second here, with the people on the same machine), and something broken every two minutes: "
        f"{total.arrived} people came, {total.accepted} applications were accepted. Commit {run.commit}; "
        f"{machine.cores} cores, {machine.processor}, {machine.memory_mb} MB."
    )
    yield ""
    yield "Broken: " + "; ".join(f"{fault.at_seconds:.0f} s {fault}" for fault in profile.faults) + "."
    yield ""
    yield "| check | | found | expected |"
    yield "|---|---|---|---|"
    for verdict in verdicts:
        mark = "held" if verdict.held else "**BROKEN**"
        yield f"| {verdict.name} | {mark} | {verdict.found} {verdict.detail} | {verdict.expected} |"
    yield from _growths(grown, total.accepted / minutes)


def _growths(grown: Sequence[Growth], accepted_a_minute: float) -> Iterator[str]:
    yield ""
    yield "## What grows"
    yield ""
    yield (
        "Growth is the median of the slopes between all pairs of samples of one life of a process (Theil and "
        "Sen), samples being medians of 15 s, after its first three minutes; in brackets "
        f"what holds the true slope nineteen times in twenty. Flat: all of it is below "
        f"{MOST_KB_A_MINUTE:g} kB and {MOST_FILES_A_MINUTE:g} files a minute. Memory is anonymous, resident. "
        f"{' and '.join(sorted(KEEPERS))} keep what people sent; for them it is divided by the applications "
        "accepted."
    )
    yield ""
    yield (
        "| process | lives | memory, MB | grows, kB a minute | kB an application "
        "| open files | grow, a minute | |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for one in grown:
        each = (
            f"{one.memory.per_minute / accepted_a_minute:.2f}" if one.role in KEEPERS and one.memory else ""
        )
        yield (
            f"| {one.role} | {one.lives} | {one.memory_kb / 1024:.1f} | {_slope(one.memory)} | {each} "
            f"| {one.open_files:.0f} | {_slope(one.files)} | {one.verdict} |"
        )


def _slope(slope: Slope | None) -> str:
    return f"{slope.per_minute:.1f} ({slope.least:.1f} to {slope.most:.1f})" if slope else "too short"
