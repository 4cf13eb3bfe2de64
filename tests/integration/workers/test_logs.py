import io
import json
import logging
import sys
from collections.abc import Iterator

import msgspec
import pytest
import structlog
from arq.worker import Retry

from tests.integration.workers.world import PASSES, World
from workers.logs import configure_logs


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.BytesIO]:
    """All that is logged; afterwards things are as they were."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    handlers = logging.getLogger().handlers[:]
    configure_logs("debug")
    structlog.configure(logger_factory=structlog.BytesLoggerFactory(heard := io.BytesIO()))
    yield heard
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers


async def test_an_exception_that_repeats_a_person_is_told_without_its_message(
    world: World, said: io.BytesIO
) -> None:
    one = await world.accept()

    async def fail(_: str) -> None:
        raise RuntimeError(f"{PASSES} Әсем Сапарқызы")

    broken = World(msgspec.structs.replace(world.tools, boundary=fail), world.settings, world.session)
    with pytest.raises(Retry):
        await broken.process(one)

    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    [told] = [line for line in lines if line["event"] in {"case_failed", "job_failed"}]
    assert (told["application_id"], told["job"], told["error"]) == (one, "process_case", "RuntimeError")
    assert PASSES not in str(lines)
    assert "Сапарқызы" not in str(lines)
