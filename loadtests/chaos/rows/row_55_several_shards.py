"""Row 55: programmes spread over the three primaries of a cluster, and one of these dies."""

from pathlib import Path

from gateway.inflight.admission import MOST_PER_CALL, Admitted, Decision, Full, admit
from gateway.inflight.records import KEPT_MS
from gateway.inflight.shards import connect_store
from gateway.inflight.status import known_cases, tick
from gateway.inflight.store import Store, StoreUnavailable
from loadtests.bench.redis_applications import application, rules
from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.cluster_of import clustered
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import service
from loadtests.chaos.valkey import Valkey

# Two on each shard: the hash of a name decides where it lies.
_PROGRAMMES = {"42501": 0, "42505": 0, "42500": 1, "42503": 1, "42502": 2, "42506": 2}
_SLOTS, _WAITING = 200, 60
_ALL_THE_WAY, _AT_ONCE = 100, 20

_Crowd = dict[str, Decision]


async def run(folder: Path) -> Measured:
    async with clustered(folder / "redis") as shards:
        url = "cluster://" + ",".join(f"127.0.0.1:{shard.port}" for shard in shards)
        store = connect_store(url, 2_000, 0.25)
        crowds = {code: await _crowd(store, code) for code in _PROGRAMMES}
        full = sum([await _is_as_it_should_be(store, code, crowd) for code, crowd in crowds.items()])
        is_spread = await _lie_where_they_should(shards)
        if full < len(crowds):
            await store.aclose()
            return Measured(
                verdict=Verdict.BROKEN,
                says=f"{_SLOTS} in and {_WAITING} in line, in order, in {full} of {len(crowds)} programmes; "
                f"each on its own shard and no other: {is_spread}.",
            )
        others, is_alone, back_after = await _kill_one(store, shards[0])
        lost = sum([await _lost(store, code, crowd) for code, crowd in crowds.items()])
        await store.aclose()
        ledger, says = await _all_the_way(folder / "service", url)
    acknowledged = sum(len(_admitted(crowd)) for crowd in crowds.values())
    held = is_spread and is_alone and not lost and not says
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{len(crowds)} programmes, two a primary: {_SLOTS} in and {_WAITING} in line in each, in "
        f"order; each on its own shard and no other: {is_spread}. With one primary killed {others} of the "
        f"other four went on, and not its own: {is_alone}; these were back {back_after:.1f} s after its "
        f"start. Gateway and worker on the cluster took {ledger.acknowledged} all the way. {says}".strip(),
        acknowledged=acknowledged,
        lost=lost,
        doubled=0,
        seconds=back_after,
    )


async def _crowd(store: Store, code: str) -> _Crowd:
    people = [application(n, code) for n in range(_SLOTS + _WAITING)]
    crowd: _Crowd = {}
    for at in range(0, len(people), MOST_PER_CALL):
        batch = people[at : at + MOST_PER_CALL]
        try:
            decisions = await admit(store, code, rules(_SLOTS), batch)
        except StoreUnavailable:
            break
        crowd |= zip([one.id for one in batch], decisions, strict=True)
    return crowd


def _admitted(crowd: _Crowd) -> list[str]:
    return [one for one, decision in crowd.items() if isinstance(decision, Admitted)]


async def _is_as_it_should_be(store: Store, code: str, crowd: _Crowd) -> bool:
    in_line = [decision.position for decision in crowd.values() if isinstance(decision, Full)]
    try:
        summary = await tick(store, code, _SLOTS, KEPT_MS)
    except StoreUnavailable:
        return False
    is_counted = (summary.live, summary.waiting) == (_SLOTS, _WAITING)
    return is_counted and len(_admitted(crowd)) == _SLOTS and in_line == list(range(1, _WAITING + 1))


async def _lie_where_they_should(shards: list[Valkey]) -> bool:
    """Tell whether each shard has the doors of its own programmes, and no other."""
    for number, shard in enumerate(shards):
        doors = {key.decode() async for key in shard.store.redis.scan_iter("*:door")}
        if doors != {f"{{{code}}}:door" for code, owner in _PROGRAMMES.items() if owner == number}:
            return False
    return True


async def _kill_one(store: Store, shard: Valkey) -> tuple[int, bool, float]:
    """Return how many others served meanwhile; whether they all did, and its own not; how soon all do."""
    await shard.kill()
    served = {code: await _serves(store, code) for code in _PROGRAMMES}
    await shard.start()

    async def all_serve() -> bool:
        return all([await _serves(store, code) for code in _PROGRAMMES])

    back_after = await until(all_serve)
    others = sum(served[code] for code, owner in _PROGRAMMES.items() if owner != 0)
    return others, served == {code: owner != 0 for code, owner in _PROGRAMMES.items()}, back_after


async def _serves(store: Store, code: str) -> bool:
    try:
        await tick(store, code, _SLOTS, KEPT_MS)
    except StoreUnavailable:
        return False
    return True


async def _lost(store: Store, code: str, crowd: _Crowd) -> int:
    ids = _admitted(crowd)
    return len(ids) - len(await known_cases(store, code, ids))


async def _all_the_way(folder: Path, url: str) -> tuple[Ledger, str]:
    """Let people apply to the product on the cluster, arq's queues included, and see what is wrong."""
    ledger = Ledger()
    async with service(folder, {"QABYLDAU_REDIS_URL": url}) as stack:
        await apply_many(stack.url, stack.standins_url, _ALL_THE_WAY, _AT_ONCE, ledger=ledger)
        losses = await check_books(stack, ledger)
        restarts = stack.log.read_text().count("queue_restarts")
    wrong = losses.says or (f"Queues fell {restarts} times." if restarts else "")
    return ledger, wrong


ROW = Row(
    number=55,
    title="six programmes on a cluster of three primaries; one primary is killed",
    expected="each programme lies whole on one shard; a shard that is away holds up its own programmes only",
    broken_once="With one store for all shards 2 of 6 programmes had their people in and in line.",
    run=run,
)
