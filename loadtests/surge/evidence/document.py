"""A page that stands alone: no script, no address but its own."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

_STYLE = Path(__file__).parent / "style.css"


def document(title: str, parts: Iterable[str]) -> str:
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # A browser that asked for an icon would look for it at an address.
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{_STYLE.read_text()}</style>",
            "</head>",
            "<body>",
            "<main>",
            *parts,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def section(title: str, *parts: str) -> str:
    key = title.lower().replace(" ", "-")
    return "\n".join(
        [
            f'<section aria-labelledby="{key}">',
            f'<h2 id="{key}">{escape(title)}</h2>',
            *filter(None, parts),
            "</section>",
        ]
    )


def folded(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>\n{content}\n</details>"
