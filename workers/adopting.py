"""After a restore: what E-Maket knows of the time between the copy and the loss."""

from collections.abc import Sequence

import structlog
from msgspec import Struct

from gateway.domain.case import parse_journal_number
from gateway.inflight.progress import take
from workers.reconciliation import Effect
from workers.steps.register import entry_of
from workers.tools import Tools, open_application

log = structlog.get_logger()


class Adopted(Struct, frozen=True):
    """`adopted` got the number back that E-Maket has; `only_at_e_maket` are in neither of our stores."""

    adopted: int
    only_at_e_maket: list[str]


async def adopt(tools: Tools, effects: Sequence[Effect]) -> Adopted:
    """Give no number a second time; for before the workers start.

    A case that the copy has in process may have been registered and forwarded after it. Registered anew it
    would get another number, and E-Maket would refuse it under its key.
    """
    programme, adopted, lost = tools.programme.code, 0, []
    for effect in effects:
        number = parse_journal_number(effect.number)
        if number is None or number.programme != programme:
            continue
        if await tools.journal.get(effect.application_id) is not None:
            continue
        case = await take(tools.store, programme, effect.application_id)
        if case is None:
            await tools.journal.pass_over(programme, number.year, number.serial)
            lost.append(effect.application_id)
            continue
        category = open_application(tools, effect.application_id, case.body).category
        await tools.journal.adopt(entry_of(effect.application_id, case, category), number.serial)
        adopted += 1
    if lost:
        log.error("cases_only_at_e_maket", count=len(lost))
    return Adopted(adopted, sorted(lost))
