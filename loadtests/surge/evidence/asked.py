"""What was asked of a run, on what, and how to ask it again."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from msgspec import structs

from loadtests.surge.evidence.rows import Course
from loadtests.surge.evidence.tables import percent, thousands
from loadtests.surge.faults import Happened
from loadtests.surge.figures import Figures
from loadtests.surge.profiles import Mix
from loadtests.surge.run import Run


def describe_load(course: Course, figures: Figures) -> str:
    run, profile = course.run, course.run.profile
    measured = run.capacity
    how = "measured just before" if measured.answers_per_second else "as it was given, not measured"
    peak = max(point.multiple for point in profile.curve) * course.per_second
    multiple = peak / measured.people_per_second
    facts = {
        "Profile": f"{profile.name}: {profile.description}",
        "Limit": f"{thousands(profile.limit)} slots",
        "Capacity": f"{measured.people_per_second:.3g} people a second from the form to the end, {how}",
        "Offered": f"up to {multiple:.3g} × capacity, {peak:.3g} people/s; "
        f"{thousands(figures.visits)} visits in {profile.duration_seconds:g} s, planned ahead",
        "Curve": "; ".join(f"{point.multiple:g} × at {point.second:g} s" for point in profile.curve)
        + ("" if profile.people is None else f", as the shape of {thousands(profile.people)} people"),
        "People": _mix(profile.mix),
        "Pace": f"{profile.pace:g} of the time that people take in real life",
        "Service": f"processes: gateway {profile.gateways}, worker {profile.workers}" + _overrides(run),
    }
    return definitions(facts)


def describe_faults(course: Course, happened: Sequence[Happened]) -> str:
    if not happened:
        return ""
    items = (
        f"<li>second {course.second_of(fault.at_us):.1f}: {escape(fault.what)}"
        + (f" (did not happen: {escape(fault.error)})" if fault.error else "")
        + "</li>"
        for fault in happened
    )
    return f"<p>What broke; the numbers stand on the charts:</p><ol>{''.join(items)}</ol>"


def describe_machine(run: Run) -> str:
    machine = run.machine
    began = datetime.fromtimestamp(run.began_at_us / 1_000_000, UTC)
    facts = {
        "Machine": f"{machine.cores} cores of {machine.processor}, {thousands(machine.memory_mb)} MB; "
        f"{machine.system}",
        "Shared by": "the service, the stand-ins of the state systems and the generator"
        if run.target.redis_url
        else "the generator; the service ran elsewhere",
        "Versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "Commit": run.commit or "outside a checkout",
        "Seed": str(run.seed),
        "Began": f"{began:%Y-%m-%d %H:%M:%S} UTC",
    }
    return definitions(facts)


def how_again(run: Run) -> str:
    """Return the command for the same crowd at the same multiple, and the one for as many people a second."""
    command = f"python -m loadtests.surge --profile {run.profile.name} --seed {run.seed}"
    if run.processes > 1:
        command += f" --processes {run.processes}"
    exactly = f"{command} --capacity {run.capacity.people_per_second:g}"
    return (
        "<p>The same crowd at the same multiple of whatever capacity is found:</p>"
        f"<pre><code>{command}</code></pre>"
        "<p>As many people a second as here:</p>"
        f"<pre><code>{exactly}</code></pre>"
        '<p>Beside this page: <a href="run.csv">run.csv</a>, a row a second; '
        '<a href="run.json">run.json</a>, <a href="figures.json">figures.json</a>, '
        '<a href="verdicts.json">verdicts.json</a>. A page that is kept stands alone.</p>'
    )


def definitions(facts: dict[str, str]) -> str:
    items = (f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in facts.items() if fact)
    return f"<dl>{''.join(items)}</dl>"


def _mix(mix: Mix) -> str:
    shares = (
        f"{percent(share)} {name.replace('_', ' ')}" for name, share in structs.asdict(mix).items() if share
    )
    return ", ".join(shares) or "all do everything right at the first try"


def _overrides(run: Run) -> str:
    told = "; ".join(_tables(run.profile.programme))
    return f"; for this run {told}" if told else ""


def _tables(programme: dict[str, dict[str, object]]) -> Iterator[str]:
    for name, table in programme.items():
        yield from (f"{name}.{key} = {value}" for key, value in table.items())
