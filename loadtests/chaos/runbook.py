"""The commands of a runbook, as they stand on their page."""

import asyncio
import re
import sys
from collections.abc import Mapping

from loadtests.chaos.service import ROOT

_PAGE = ROOT / "docs" / "operations.md"


class RunbookFailed(Exception):
    """Carries what the shell said."""


def commands(title: str) -> str:
    """Return the first block of commands under this heading."""
    found = re.search(rf"^### {title}$.*?^```\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise RunbookFailed(f"{_PAGE.name} has no commands under {title!r}")
    # Wherever this runs, the service is installed too.
    return found[1].replace(".venv/bin/python", sys.executable)


async def execute(script: str, environ: Mapping[str, str]) -> str:
    """Let a shell do it, and return what it printed. Raises RunbookFailed."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-ec", script),
        cwd=ROOT,
        env=dict(environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    text = said.decode(errors="replace")
    if process.returncode:
        raise RunbookFailed(text[-2_000:])
    return text
