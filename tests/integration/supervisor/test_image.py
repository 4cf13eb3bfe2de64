"""No container engine is needed here: the Dockerfile's own steps are read and done in a directory."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# What the image is for, and nothing else.
ROOMS = {"config", "gateway", "workers"}

# Prints where the gateway was found, and what was imported for it and not already by Python's own start.
REPORT_MODULES = """
import sys
before = set(sys.modules)
import gateway.app, workers.main
import json
print(json.dumps([gateway.__file__, *(set(sys.modules) - before)]))
"""


def steps() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments)."""
    text = (ROOT / "Dockerfile").read_text()
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)]


def final_stage() -> list[tuple[str, str]]:
    all_steps = steps()
    last = max(index for index, (word, _) in enumerate(all_steps) if word == "FROM")
    return all_steps[last:]


def copied() -> list[tuple[str, str]]:
    """Source and target of what the final stage takes from the checkout."""
    found = []
    for word, arguments in final_stage():
        if word in {"COPY", "ADD"} and not arguments.startswith("--from="):
            source, target = shlex.split(arguments)
            found.append((source, target))
    return found


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The files of the image's /app."""
    for source, target in copied():
        shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_gateway_and_worker_start_from_the_files_of_the_image(image: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPORT_MODULES], cwd=image, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)[0]).is_relative_to(image)


def test_every_package_that_they_import_is_among_those_the_image_installs(image: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPORT_MODULES], cwd=image, capture_output=True, text=True, check=True
    )
    imported = {name.partition(".")[0] for name in json.loads(done.stdout)[1:]}
    distributions = packages_distributions()
    needed = {normalise(distributions[name][0]) for name in imported if name in distributions}

    pinned = re.findall(
        r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE
    )
    assert needed <= set(map(normalise, pinned))


def normalise(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_nothing_but_the_service_is_inside() -> None:
    assert {Path(source).name for source, _ in copied()} == ROOMS


def test_the_ignore_file_lets_through_what_is_copied_and_no_more() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert allowed == ROOMS | {"requirements/runtime.txt"}


def test_it_installs_as_make_does() -> None:
    (install,) = [arguments for word, arguments in steps() if word == "RUN" and "pip" in arguments.split()]
    makefile = (ROOT / "Makefile").read_text()

    for flag in ("--no-deps", "--require-hashes"):
        assert flag in install.split()
        assert flag in makefile.split()
    assert install.split()[-2:] == ["-r", "requirements/runtime.txt"]


def test_its_commands_are_those_of_the_service(tmp_path: Path, image: Path) -> None:
    (step,) = [
        arguments for word, arguments in final_stage() if word == "RUN" and "/usr/local/bin" in arguments
    ]
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    subprocess.run(["sh", "-c", step.replace("/usr/local/bin", str(bin_dir))], check=True)

    modules = {path.name: path.read_text().split()[-2] for path in bin_dir.iterdir()}
    assert modules == {
        "gateway": "gateway",
        "worker": "workers.main",
        "operators": "gateway.operators.serve",
        "qabyldau": "gateway.operators",
    }
    for module in modules.values():
        parts = image.joinpath(*module.split("."))
        assert parts.with_suffix(".py").exists() or (parts / "__main__.py").exists()


def test_it_does_not_run_as_root() -> None:
    (user,) = [arguments for word, arguments in final_stage() if word == "USER"]
    assert user not in {"0", "root"}


def test_its_base_is_pinned() -> None:
    bases = {arguments.split()[0] for word, arguments in steps() if word == "FROM"}
    assert bases == {"python:3.11-slim-bookworm"}


def test_its_health_check_is_python_that_parses() -> None:
    (check,) = [arguments for word, arguments in final_stage() if word == "HEALTHCHECK"]
    command = json.loads(check[check.index("[") :])

    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
