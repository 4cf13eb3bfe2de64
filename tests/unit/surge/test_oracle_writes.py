from loadtests.surge.books.writes import Call, Writes, follow_writes

DOOR, SLOTS, LEASES, ACTIVE = (f"{{42500}}:{name}" for name in ("door", "slots", "leases", "active"))
NEVER = 9_000_000_000_000_000
SOON = 5_000

Words = tuple[str | int, ...]


def clock(at_ms: int, service_ms: int | None = None, **fields: int) -> Words:
    words = [word for pair in fields.items() for word in pair]
    return ("HSET", DOOR, "svc", at_ms if service_ms is None else service_ms, "raw", at_ms, *words)


def follow(*steps: list[Words]) -> Writes:
    return follow_writes(
        [[[str(word).encode() for word in command] for command in step] for step in steps], "42500"
    )


OPENED = [clock(1_000, limit=2, epoch=7)]


def admitted(one: str, *, person: str, end_ms: int = SOON) -> list[Words]:
    return [
        ("HSET", f"{{42500}}:case:{one}", "state", "awaiting_phone", "person", person),
        ("ZADD", SLOTS, end_ms, person),
        ("ZADD", LEASES, end_ms, one),
    ]


def accepted(one: str, *, person: str) -> list[Words]:
    return [("ZADD", SLOTS, NEVER, person), ("ZREM", LEASES, one), ("ZADD", ACTIVE, 1_000, one)]


def finished(one: str, *, person: str) -> list[Words]:
    return [("ZREM", ACTIVE, one), ("ZREM", SLOTS, person)]


def test_a_case_that_comes_and_goes_leaves_no_fault() -> None:
    writes = follow(
        OPENED,
        [*admitted("a", person="p"), ("HSET", DOOR, "high", 1)],
        accepted("a", person="p"),
        finished("a", person="p"),
    )

    assert (writes.steps, writes.live, writes.high, writes.limit) == (4, 1, 1, 2)
    assert [*writes.over, *writes.slotless, *writes.disorder, *writes.untimely] == []


def test_slots_taken_above_the_limit_are_found_whatever_the_service_noted() -> None:
    people = [admitted(str(n), person=str(n)) for n in range(3)]

    assert follow(OPENED, *people[:2]).over == []
    assert follow(OPENED, *people).over == ["step 4: 3 of 2"]


def test_a_high_water_mark_above_the_limit_is_found() -> None:
    assert follow(OPENED, [("HSET", DOOR, "high", 3)]).over == ["step 2: 3 of 2"]


def test_a_slot_given_back_while_the_case_is_in_process_is_found() -> None:
    case = [admitted("a", person="p"), accepted("a", person="p")]

    assert follow(OPENED, *case, [("ZREM", SLOTS, "p")]).slotless == ["a was in process without a slot"]


def test_a_confirmation_that_takes_no_slot_is_found() -> None:
    [_, *rest] = accepted("a", person="p")

    writes = follow(OPENED, admitted("a", person="p"), [("ZREM", SLOTS, "p"), *rest])

    assert writes.slotless == ["a was in process without a slot"]


def test_whoever_waits_for_a_phone_may_lose_the_slot_with_another_candidate() -> None:
    two = [*admitted("a", person="p"), *admitted("b", person="p")]

    assert follow(OPENED, two, accepted("a", person="p"), finished("a", person="p")).slotless == []


def test_numbers_that_come_when_they_are_called_are_in_order() -> None:
    writes = follow(
        OPENED,
        [clock(2_000, c0=2), ("SETBIT", "{42500}:spent0", 2, 1)],
        [clock(3_000, c0=2, c1=1), ("SETBIT", "{42500}:spent1", 1, 1)],
    )

    assert writes.disorder == []
    assert writes.calls == [Call(2_000, 7, 0, 2), Call(3_000, 7, 1, 1)]


def test_a_number_that_comes_before_it_is_called_is_found() -> None:
    writes = follow(OPENED, [clock(2_000, c0=2)], [("SETBIT", "{42500}:spent0", 3, 1)])

    assert writes.disorder == ["lane 0: 3 came when 2 was called"]


def test_a_call_taken_back_is_found_unless_the_line_is_another() -> None:
    assert follow(OPENED, [clock(2_000, c0=5)], [clock(3_000, c0=4)]).disorder == [
        "lane 0: called back from 5 to 4"
    ]
    assert follow(OPENED, [clock(2_000, c0=5)], [clock(3_000, epoch=8, c0=0)]).disorder == []


def test_a_window_closes_on_its_time_of_service_and_not_before() -> None:
    calls = "{42500}:calls0"
    called = [("RPUSH", calls, "5:3000"), ("LSET", calls, -1, "9:3500")]

    assert follow(OPENED, called, [clock(3_500), ("LPOP", calls)]).untimely == []
    assert follow(OPENED, called, [clock(3_400), ("LPOP", calls)]).untimely == [
        "the window of 9 closed 100 ms early"
    ]


def test_a_lease_lapses_on_its_time_of_service_and_not_before() -> None:
    lapse: list[Words] = [("ZREM", LEASES, "a"), ("HSET", "{42500}:case:a", "state", "lapsed")]
    come = admitted("a", person="p", end_ms=3_000)

    assert follow(OPENED, come, [clock(3_000), *lapse]).untimely == []
    assert follow(OPENED, come, [clock(2_900), *lapse]).untimely == ["a lapsed 100 ms early"]


def test_the_service_clock_stands_still_for_any_reason_and_runs_ahead_for_none() -> None:
    assert follow(OPENED, [clock(9_000, 4_000)], [clock(9_500, 4_000)], [clock(9_400, 4_000)]).untimely == []
    for moved in ([clock(9_000, 9_000)], [clock(2_000, 2_500)], [clock(2_000, 900)]):
        assert len(follow(OPENED, moved).untimely) == 1
