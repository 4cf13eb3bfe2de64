"""A process that registers applications, spoiling every third attempt after its number was counted."""

import asyncio
import sys
from contextlib import suppress
from dataclasses import replace
from typing import cast

from sqlalchemy.exc import IntegrityError

from gateway.register.journal import open_journal
from tests.integration.register.applicants import new_entry


async def main(dsn: str, programme: str, count: int) -> None:
    journal = open_journal(dsn)
    for turn in range(count):
        if turn % 3 == 0:
            with suppress(IntegrityError):
                await journal.register(replace(new_entry(programme), person=cast("str", None)))
        sys.stdout.write(await journal.register(new_entry(programme)) + "\n")
        sys.stdout.flush()
    await journal.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
