"""Row 54: a version is rolled out beside the one before it, and taken back, while people apply."""

import asyncio
from pathlib import Path

from config.keys import create_keys
from loadtests.chaos.applicants import Ledger, apply_many, ask_again, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile, until
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import ROOT, Stack, free_ports
from loadtests.chaos.systems_elsewhere import settings_for, systems_elsewhere
from loadtests.chaos.under_way import set_fault
from loadtests.chaos.valkey import Valkey, valkey
from loadtests.chaos.versions import Balancer, NoHistory, Version, unpack

# The one before: what was landed last.
OLD = "e453c76"

_PEOPLE, _AT_ONCE = 1_400, 60

# How many are accepted when the new one comes, the old one goes, the old one is back, the new one goes.
_COMES, _GOES, _BACK, _TAKEN_BACK = 200, 500, 700, 1_000

# A balancer takes a gateway out some time before it is told to stop.
_TAKEN_OUT_SECONDS = 2.0


async def run(folder: Path) -> Measured:
    try:
        old_code = unpack(OLD, folder / "old-code")
    except NoHistory:
        return Measured(verdict=Verdict.NOT_RUN, says=f"This checkout has no history: {OLD} is not in it.")
    (systems_port,), balancer = free_ports(1), Balancer(*free_ports(1))
    keys = folder / "keys.toml"
    create_keys(keys)
    async with (
        valkey(folder / "valkey") as redis,
        balancer.serving(),
        systems_elsewhere(keys, balancer.url, systems_port),
    ):
        environ = {
            **settings_for(systems_port),
            "QABYLDAU_KEYS_FILE": f"{keys}",
            "QABYLDAU_REDIS_URL": redis.url,
            "QABYLDAU_REGISTER_URL": f"sqlite:///{folder / 'register.db'}",
            "QABYLDAU_STANDINS_PORT": f"{systems_port}",
            "QABYLDAU_TRUSTED_PROXIES": "127.0.0.0/8",
        }
        old = Version("old", old_code, folder, environ)
        new = Version("new", ROOT, folder, environ)
        try:
            return await _measure(folder, redis, balancer, (old, new), systems_port)
        finally:
            await old.stop()
            await new.stop()


async def _measure(
    folder: Path, redis: Valkey, balancer: Balancer, versions: tuple[Version, Version], systems_port: int
) -> Measured:
    # Not started: it tells others where everything is.
    stack = Stack(folder, {})
    stack.url, stack.standins_url = balancer.url, f"http://127.0.0.1:{systems_port}"
    # So that jobs of each wait for the other.
    await set_fault(stack, "labour-market", latency_ms=1_000)
    ledger = Ledger()
    old, _ = versions
    await old.start()
    balancer.targets = [old]
    async with meanwhile(_deploy(balancer, versions, ledger)) as deploying:
        await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
        await deploying
    await set_fault(stack, "labour-market")
    losses = await check_books(stack, ledger)
    other_ids = await ask_again(stack, ledger)
    libraries = len(await redis.store.redis.execute_command("FUNCTION", "LIST"))
    return judge(
        ledger,
        losses,
        f"{OLD} alone, both, the new one alone, both, {OLD} alone, to the end of all cases; the old answered "
        f"{balancer.served['old']} calls, the new {balancer.served['new']}; {libraries} function libraries; "
        f"{ledger.unanswered} answers were 5xx or none, {other_ids} keys brought another id.",
        held=ledger.unanswered == 0 and other_ids == 0 and libraries >= 1,
    )


async def _deploy(balancer: Balancer, versions: tuple[Version, Version], ledger: Ledger) -> None:
    old, new = versions
    for at, comes, goes in (
        (_COMES, new, None),
        (_GOES, None, old),
        (_BACK, old, None),
        (_TAKEN_BACK, None, new),
    ):

        async def is_time(at: int = at) -> bool:
            return ledger.acknowledged >= at

        await until(is_time, 300)
        if comes:
            await comes.start()
            balancer.targets = [old, new]
        if goes:
            balancer.targets = [new if goes is old else old]
            await asyncio.sleep(_TAKEN_OUT_SECONDS)
            await goes.stop()


ROW = Row(
    number=54,
    title="the version before and this one side by side, rolled out and taken back under load",
    expected="old jobs, leases and records live with the new version, and new ones with the old",
    broken_once="With sealed records of another version byte, people of the other version got no further.",
    run=run,
)
