import json
from typing import Any

from config.settings import Settings
from gateway.operators.states import State
from gateway.operators.tallies import SUBMIT_ROUTE, Counted
from gateway.operators.watching import KEPT_SAMPLES, MOST_BEHIND, MOST_WATCHERS, Found, Watch
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.people import accepted, admitted
from tests.integration.operators.control_room import PROGRAMME, PROGRAMME_URL, ControlRoom, until
from tests.unit.ledgers import opened_ledger
from tests.unit.operators.counted import submitted
from tests.unit.operators.figures_of import figures


def watch_of(room: ControlRoom) -> Watch:
    return room.inside.watches[PROGRAMME]


async def seen(room: ControlRoom, **wanted: object) -> dict[str, Any]:
    """Wait until a look has found that."""
    found: dict[str, Any] = {}

    async def is_so() -> bool:
        found.update((await room.get(PROGRAMME_URL)).json())
        return all(found[name] == value for name, value in wanted.items())

    await until(is_so)
    return found


async def test_a_programme_is_told_as_it_stands(room: ControlRoom) -> None:
    await accepted(room.desk.store, "accepted", limit=25_000)
    await admitted(room.desk.store, "leased", 25_000)

    state = await seen(room, live=2)

    assert (state["programme"], state["mode"], state["limit"]) == (PROGRAMME, "open", 25_000)
    assert (state["unconfirmed"], state["confirmed"], state["accepted"]) == (1, 1, 1)
    assert (state["waiting"], state["front_row_waiting"], state["reserved"]) == (0, 0, 0)
    assert set(state["queues"]) == {"cases", "sms", "receipts"}
    assert state["store_up"] is True
    assert state["sample"]["live"] == 2


async def test_what_is_unknown_is_null_and_not_zero(room: ControlRoom, valkey: ValkeyProcess) -> None:
    await seen(room, live=0)
    valkey.kill()
    try:
        state = await seen(room, store_up=False)
    finally:
        valkey.start()

    unknown = set(State.__struct_fields__) - {"at", "programme", "sample", "store_up", "sms"}
    assert {name for name in unknown if state[name] is not None} == set()
    assert set(state["sample"].values()) == {None, state["sample"]["at"]}
    await seen(room, store_up=True, live=0)


async def test_what_gateways_answered_becomes_rates(room: ControlRoom, room_settings: Settings) -> None:
    name, labels = "qabyldau_http_requests_total", {"route": SUBMIT_ROUTE, "method": "POST"}

    async def samples() -> list[dict[str, Any]]:
        history = (await room.get(f"{PROGRAMME_URL}/history")).json()
        assert history["every_seconds"] == 1
        found: list[dict[str, Any]] = history["samples"]
        return found

    with opened_ledger(room_settings.counts_dir / "machine:8000") as ledger:
        admitted = ledger.count(name, "Requests.", **labels, status="2xx", problem="")
        full = ledger.count(name, "Requests.", **labels, status="5xx", problem="full")

        async def is_counted() -> bool:
            admitted.add()
            full.add(2)
            found = await samples()
            return any(one["admissions"] and one["refusals"] for one in found)

        await until(is_counted)

    told = [one for one in await samples() if one["arrivals"]]
    assert {code for one in told for code in one["refusals"]} == {"full"}
    assert all(one["arrivals"] >= one["admissions"] > 0 for one in told)


async def test_programmes_are_listed_with_their_titles(room: ControlRoom) -> None:
    listed = (await room.get("/v1/programmes")).json()

    assert [one["code"] for one in listed] == [PROGRAMME]
    assert set(listed[0]["titles"]) == {"kk", "ru", "en"}


async def test_a_preview_tells_effects_and_changes_nothing(room: ControlRoom) -> None:
    await seen(room, live=0)

    reply = await room.post(f"{PROGRAMME_URL}/preview", {"changes": {"limit": 30_000}}, room.viewer)

    assert reply.status_code == 200, reply.text
    assert {"code": "slots", "before": 25_000, "after": 30_000} in reply.json()["effects"]
    assert (await room.values())["limit"] == 25_000
    wrong = await room.post(f"{PROGRAMME_URL}/preview", {"changes": {"limit": -1}}, room.viewer)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "out_of_range")


async def test_controls_tell_their_range_and_where_their_value_is_from(room: ControlRoom) -> None:
    await room.change(limit=(25_000, 30_000))

    told = (await room.get(f"{PROGRAMME_URL}/controls")).json()

    controls = {control["name"]: control for control in told["controls"]}
    assert told["version"] == 1
    assert controls["limit"] == {
        "name": "limit",
        "kind": "integer",
        "unit": "slots",
        "lowest": 0,
        "highest": 1_000_000,
        "choices": [],
        "value": 30_000,
        "default": 25_000,
        "overridden": True,
    }
    assert controls["mode"]["choices"] == ["open", "line_for_all", "hold", "drain", "closed"]


def look(watch: Watch, second: int) -> None:
    watch.take_in(second * 1_000, Found(figures(live=second)), Counted())


def live_in(event: bytes | None) -> int:
    assert event is not None
    head, data, *_ = event.decode().split("\n")
    assert head == "event: state"
    live: int = json.loads(data.removeprefix("data: "))["live"]
    return live


def test_a_slow_reader_is_dropped_and_the_others_get_everything() -> None:
    watch = Watch(PROGRAMME, counts_alone=True)
    slow, quick = watch.watch(), watch.watch()
    assert slow is not None
    assert quick is not None

    for second in range(MOST_BEHIND + 5):
        look(watch, second)
        assert live_in(quick.get_nowait()) == second

    assert slow.get_nowait() is None
    assert slow.empty()


def test_whoever_comes_later_sees_at_once_how_it_stands() -> None:
    watch = Watch(PROGRAMME, counts_alone=True)
    look(watch, 7)

    events = watch.watch()
    assert events is not None
    assert live_in(events.get_nowait()) == 7


def test_no_more_watch_than_one_process_serves() -> None:
    watch = Watch(PROGRAMME, counts_alone=True)
    watching = [watch.watch() for _ in range(MOST_WATCHERS)]

    assert watch.watch() is None
    assert watching[0] is not None
    watch.leave(watching[0])
    assert watch.watch() is not None


def test_only_the_last_quarter_of_an_hour_is_kept() -> None:
    watch = Watch(PROGRAMME, counts_alone=True)
    for second in range(KEPT_SAMPLES + 10):
        look(watch, second)

    assert len(watch.samples) == KEPT_SAMPLES
    assert (watch.samples[0].live, watch.samples[-1].live) == (10, KEPT_SAMPLES + 9)


def test_where_programmes_share_the_counts_nobody_is_told_the_others() -> None:
    shared, alone = (Watch(PROGRAMME, counts_alone=is_alone) for is_alone in (False, True))
    for second in range(2):
        for watch in (shared, alone):
            watch.take_in(second * 1_000, Found(), Counted({submitted("2xx"): second}))

    assert alone.samples[-1].admissions == 1
    assert shared.samples[-1].admissions is None
