"""What is true of the whole repository, file by file."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "workers", "config", "loadtests", "supervisor")
SETS = ("runtime", "local", "dev")

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

FORBIDDEN = {
    "the address of a package registry": r"(?:pypi|pythonhosted)\.(?:org|io)|--(?:extra-)?index-url[ =]\S+:/",
    "a path of one machine": r"(?<![\w.$}/-])/(?:home|Users|root|work)/\w",
}


def our_python() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files are the project's")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def pins(name: str) -> dict[str, str]:
    """Each pin of a requirement file with all that belongs to it."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {line.split()[0]: line for line in lines}


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in our_python()}
    assert {path: length for path, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in our_python()
        for function in functions(path)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what: str) -> None:
    found = []
    for path in tracked():
        text = path.read_text(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in re.finditer(FORBIDDEN[what], text)]
    assert found == []


@pytest.mark.parametrize("name", [*SETS, "security", "surge", "traces"])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    lines = pins(name)
    assert lines
    assert [pin for pin, line in lines.items() if "==" not in pin or "--hash=sha256:" not in line] == []


def test_each_set_of_requirements_holds_the_one_before() -> None:
    runtime, local, dev = (pins(name).keys() for name in SETS)
    assert runtime <= local <= dev


def test_every_make_target_has_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]  # it is there
    # Without the variables of the make that may have started the tests, which make this one talkative.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    shown = subprocess.run(["make"], cwd=ROOT, env=plain, capture_output=True, text=True, check=True).stdout

    assert targets == phony
    assert {line.split()[1] for line in shown.splitlines()} == targets
