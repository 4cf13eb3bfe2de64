"""The oracle: the rules that hold for every run, judged from four books that know nothing of each other."""

import time
from collections.abc import Iterator
from pathlib import Path

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from loadtests.aof import AofError
from loadtests.surge.books.clients import Clients, read_clients
from loadtests.surge.books.e_maket import EMaket, read_e_maket
from loadtests.surge.books.in_flight import read_in_flight
from loadtests.surge.books.register import read_register
from loadtests.surge.books.writes import read_writes
from loadtests.surge.checks import (
    conservation,
    effects,
    emptied,
    limit,
    numbers,
    order,
    personal,
    persons,
    promises,
    slots,
    times,
)
from loadtests.surge.checks.answers import check_answers
from loadtests.surge.checks.judged import judged, not_checked
from loadtests.surge.faults import read_faults
from loadtests.surge.plan import read_plan
from loadtests.surge.run import Run
from loadtests.surge.verdicts import Verdict

# What needs Redis, the register and the files of the service.
_HERE_ONLY = (limit, slots, times, numbers, promises, conservation, personal, emptied, persons)


def judge(run: Run) -> list[Verdict]:
    """Judge a run while the service is still up; of one elsewhere, what can be seen from outside.

    Raises LedgerError for a client's book that cannot be read: then the run itself is spoilt.
    """
    clients = read_clients(run.ledger)
    e_maket = read_e_maket(run.folder, run.programme)
    verdicts = [check_answers(clients, read_faults(run.faults))]
    target = run.target
    if target.redis_url is None or target.data_dir is None or target.log is None:
        verdicts += [order.check_order(clients, None), effects.check_effects(e_maket, None)]
        return [*verdicts, *(not_checked(rule.NAME, rule.EXPECTED) for rule in _HERE_ONLY)]
    try:
        verdicts += _judge_here(run, clients, e_maket, target.redis_url, target.data_dir)
    except (AofError, RedisError, SQLAlchemyError, OSError) as error:
        return [*verdicts, judged("all books", "can be read", [f"{type(error).__name__}: {error}"])]
    visits = read_plan(run.folder / "plan.json").visits()
    return [*verdicts, personal.check_personal(target.data_dir, target.log, visits)]


def _judge_here(
    run: Run, clients: Clients, e_maket: EMaket, redis_url: str, data_dir: Path
) -> Iterator[Verdict]:
    # Whoever moves on meanwhile is seen earlier first: E-Maket, then the register, then Redis.
    register = read_register(data_dir / "register.db", run.programme)
    in_flight = read_in_flight(redis_url, run.programme)
    writes = read_writes(data_dir / "valkey" / "appendonlydir", run.programme)
    yield limit.check_limit(writes, in_flight)
    yield slots.check_slots(writes)
    yield order.check_order(clients, writes)
    yield times.check_times(writes, in_flight)
    yield promises.check_promises(clients, in_flight, register, time.time_ns() // 1000)
    yield conservation.check_conservation(clients, in_flight, register, e_maket)
    yield effects.check_effects(e_maket, register)
    yield persons.check_persons(clients, register)
    yield numbers.check_numbers(clients, register, e_maket, run.programme)
    yield emptied.check_emptied(in_flight)
