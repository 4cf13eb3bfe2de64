"""The answer of a run, in one glance, and every check behind it."""

from collections.abc import Sequence
from html import escape

from loadtests.surge.verdicts import Verdict

_HEADS = ("Check", "Expected", "Found")


def word(verdicts: Sequence[Verdict]) -> str:
    """A run of which nothing was asked has shown nothing."""
    if not verdicts:
        return "NOT JUDGED"
    return "HELD" if all(verdict.held for verdict in verdicts) else "BROKEN"


def banner(verdicts: Sequence[Verdict]) -> str:
    broken = [verdict.name for verdict in verdicts if not verdict.held]
    held = len(verdicts) - len(broken)
    if broken:
        told = f"{len(broken)} of {len(verdicts)} checks broke: {', '.join(broken)}."
    else:
        told = f"All {held} checks held." if held else "Nothing was asked of this run."
    style, sign = ("verdict broken", "✗") if broken else ("verdict", "✓" if held else "?")
    return f'<div class="{style}"><strong>{sign} {word(verdicts)}</strong><p>{escape(told)}</p></div>'


def checks(verdicts: Sequence[Verdict], folder: str) -> str:
    """Return a table, what broke first; of what is in the run's `folder` only the names are told."""
    ordered = sorted(verdicts, key=lambda verdict: verdict.held)
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("", *_HEADS))
    rows = "\n".join(_row(verdict, folder) for verdict in ordered)
    return (
        '<div class="scroll"><table class="checks words"><caption>Every check: expected and found</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(verdict: Verdict, folder: str) -> str:
    style, mark = ("held", "✓ held") if verdict.held else ("broken", "✗ BROKEN")
    told = escape(verdict.detail.replace(f"{folder}/", ""))
    detail = f'<span class="detail">{told}</span>' if told else ""
    return (
        f'<tr class="{style}"><td class="mark">{mark}</td>'
        f'<th scope="row">{escape(verdict.name)}</th>'
        f'<td data-head="Expected">{escape(verdict.expected)}</td>'
        f'<td data-head="Found">{escape(verdict.found)}{detail}</td></tr>'
    )
