"""Processes one case in a process of its own and, if told so, dies at a boundary as SIGKILL would."""

import asyncio
import os
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from config.settings import Settings
from workers.main import open_tools
from workers.recovery import unpark_due
from workers.steps.process_case import process_case
from workers.steps.send_code import send_code
from workers.steps.send_notice import send_notice
from workers.tools import Tools

DIED = 9


async def unpark(ctx: dict[str, Any], _: str) -> None:
    tools: Tools = ctx["tools"]
    await unpark_due(tools)


VERBS = {"process": process_case, "code": send_code, "notice": send_notice, "unpark": unpark}


async def _run(settings: Settings, reached: Connection, application_id: str, verb: str, deadly: str) -> None:
    async def boundary(name: str) -> None:
        reached.send(name)
        if name == deadly:
            os._exit(DIED)

    async with open_tools(settings, boundary) as opened:
        tools = opened.programmes[0]
        # What is parked is due at once.
        terms = msgspec.structs.replace(tools.programme.terms, unknown_retry_seconds=0)
        programme = msgspec.structs.replace(tools.programme, terms=terms)
        tools = msgspec.structs.replace(tools, programme=programme)
        await VERBS[verb]({"tools": tools, "job_try": 1}, application_id)


def run(settings: Settings, reached: Connection, application_id: str, verb: str, deadly: str) -> None:
    asyncio.run(_run(settings, reached, application_id, verb, deadly))
