"""An open loop: requests leave at moments planned ahead, whether or not the server keeps up."""

import time

from loadtests.bench.agenda import Agenda, plan_arrivals
from loadtests.bench.calls import Calls
from loadtests.bench.loads import OpenLoop, Result
from loadtests.bench.pool import Pool
from loadtests.bench.requests import requests_of


async def run_open_loop(load: OpenLoop) -> Result:
    requests = requests_of(load.requests)
    calls = Calls(Pool(load.port, load.most_connections), load.patience_seconds)
    arrivals = plan_arrivals(load.per_second, load.seconds)

    def send(planned_at: float) -> None:
        calls.make(planned_at, "", next(requests))

    agenda = Agenda()
    began_at = time.perf_counter()
    for at in arrivals:
        agenda.add(began_at + at, send)
    ended_at = began_at + load.seconds
    await agenda.follow(ended_at)
    return await calls.finish(began_at, ended_at)
