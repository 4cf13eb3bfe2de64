import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

SCRIPT = """
import asyncio
import gc
import logging
import structlog
from gateway.logs import configure_logs

configure_logs("info")
log = structlog.get_logger()
log.debug("unheard")
log.info("heard", application_id="42500-a")
try:
    try:
        int("canary")
    except ValueError as cause:
        raise RuntimeError("canary") from cause
except RuntimeError as error:
    log.error("ours", exc_info=error)
    log.exception("ours_in_place")
    logging.getLogger("library").exception("theirs")
logging.getLogger("library").info("unheard")

async def forgotten():
    raise RuntimeError("canary")

async def forget():
    task = asyncio.create_task(forgotten())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

asyncio.run(forget())
gc.collect()
logging.getLogger("_granian").info("Listening")
raise RuntimeError("canary")
"""


def test_an_error_is_told_by_type_and_place_without_its_message() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )

    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["event"] for line in lines] == [
        "heard",
        "ours",
        "ours_in_place",
        "theirs",
        "Task exception was never retrieved",
        "Listening",
        "process_ends",
    ]
    assert lines[0]["application_id"] == "42500-a"
    for line in lines[1:4]:
        assert (line["error"], line["cause"]) == ("RuntimeError", "ValueError")
        assert line["frames"] == ["<string>:16 <module>"]
        assert line["level"] == "error"
    assert lines[4]["error"] == lines[6]["error"] == "RuntimeError"
    assert ended.returncode == 1
    assert ended.stderr == ""
    assert "canary" not in ended.stdout
