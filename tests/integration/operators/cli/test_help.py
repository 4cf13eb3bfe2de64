"""Every command is explained, speaks JSON and stands in the documentation: from the commands themselves."""

from collections.abc import Iterator

import pytest
import rich_click as click
from click.testing import CliRunner

from gateway.operators.cli.root import qabyldau
from tests.integration.operators.processes import ROOT

# Its options are its own.
ELSEWHERE = {("record",), ("rehearse",)}


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


EVERY = dict(commands(qabyldau))
OURS = [path for path in EVERY if path not in ELSEWHERE]


@pytest.mark.parametrize("path", OURS, ids=" ".join)
def test_a_command_is_explained_and_speaks_json(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(qabyldau, [*path, "--help"])

    assert shown.exit_code == 0
    assert EVERY[path].help
    assert "--json" in shown.stdout


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_a_command_has_an_example(path: tuple[str, ...]) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()

    assert f"./qabyldau {' '.join(path)}" in page


def test_the_first_page_says_what_exit_codes_mean() -> None:
    shown = CliRunner().invoke(qabyldau, ["-h"])

    assert shown.exit_code == 0
    assert "somebody was faster" in shown.stdout
    assert all(path[0] in shown.stdout for path in EVERY)


def test_a_group_alone_shows_its_commands() -> None:
    shown = CliRunner().invoke(qabyldau, ["limit"])

    assert shown.exit_code == 2
    assert "show" in shown.output
