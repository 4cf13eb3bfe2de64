"""schemathesis against the served document, in its place of its own."""

import re
import subprocess

from msgspec import Struct

from tests.security.serving import ROOT, Served

VENV = ROOT / "build" / "security-venv" / "bin"
HOOKS = "tests.security.hooks_of_schemathesis"

# One check expects 401 where this contract says 404; its stand-in is among the hooks.
_LEFT_OUT = "ignored_auth"


class Result(Struct, frozen=True):
    says: str
    held: bool | None


def run(gateway: Served, examples: int) -> Result:
    command = [
        str(VENV / "schemathesis"), "--config-file", "tests/security/schemathesis.toml", "run",
        f"{gateway.url}/schema/openapi.json", "--checks", "all", "--exclude-checks", _LEFT_OUT,
        "--max-examples", str(examples), "--continue-on-failure", "--no-color", "--seed", "1",
    ]  # fmt: skip
    environ = {**gateway.environ, "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    generated = re.search(r"^ *([\d,]+) generated", ended.stdout, re.MULTILINE)
    errors = [line for line in gateway.said() if line.get("status", 0) in {500, 502, 504}]
    if ended.returncode or errors or generated is None:
        (ROOT / "build" / "schemathesis.txt").write_text(ended.stdout + ended.stderr)
        return Result(
            f"exit {ended.returncode}, {len(errors)} errors of ours: build/schemathesis.txt", held=False
        )
    deepest = sum(
        "confirmation" in line.get("route", "") and line["status"] == 200 for line in gateway.said()
    )
    return Result(
        f"{generated[1]} cases, 0 failures, 0 errors of ours; {deepest} ways to an acceptance", held=True
    )
