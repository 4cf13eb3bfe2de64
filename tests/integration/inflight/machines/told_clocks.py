"""A door whose clocks move only as told, for machines that count by the millisecond."""

import asyncio
import itertools
from collections.abc import Awaitable
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant
from redis import Redis

from gateway.inflight.status import tick
from gateway.inflight.store import Store, open_redis
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.people import KEPT_MS, PROGRAMME

T = TypeVar("T")

DOOR = f"{{{PROGRAMME}}}:door"
# Nothing is full and nothing lapses here: that is for other tests.
SLOTS, LEASE_MS = 1_000_000, 10**12
DAY_MS = 86_400_000
# What the door takes for the machine's time of its last call, since which the machine's clock seems to have
# stepped back, or ahead. The longest gap is the most by which that moves the clocks of the door.
BEHIND_MS, AHEAD_MS, LONGEST_GAP_MS = 9 * 10**15, 0, 3000
TRIES = 5
# A restart takes longer than a hundred calls.
events = st.sampled_from(
    [""] * 30 + ["the clock steps ahead"] * 6 + ["the library is lost"] * 3 + ["valkey is killed"]
)


class ToldClocks(RuleBasedStateMachine):
    """Its clocks move only as told: each call finds the machine's clock behind, unless that stepped ahead.

    What disturbs is drawn beside what is done: as rules of their own disturbances would fill most examples.
    """

    def __init__(self, valkey: ValkeyProcess) -> None:
        super().__init__()
        self.valkey = valkey
        if not valkey.is_running():
            valkey.start()
        with Redis.from_url(valkey.url) as client:
            client.flushall()
        self.loop = asyncio.new_event_loop()
        self.store = Store(open_redis(valkey.url, timeout_ms=5000))
        self.do(tick(self.store, PROGRAMME, SLOTS, KEPT_MS))
        self.serial = itertools.count()
        # A multiple of a second, as the seconds of the inlet are.
        self.now_ms = self.service_ms = self.get("svc")[0] // 1000 * 1000
        self.move(0)

    def do(self, call: Awaitable[T]) -> T:
        return self.loop.run_until_complete(call)

    def get(self, *names: str) -> list[int]:
        seen = self.do(self.store.redis.hmget(DOOR, list(names)))  # type: ignore[arg-type]  # redis-py types one method for sync and async.
        return [int(one or 0) for one in seen]

    def set(self, **values: int) -> None:
        self.do(self.store.redis.hset(DOOR, mapping=values))  # type: ignore[arg-type]  # As above.

    def move(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        self.service_ms += milliseconds
        self.set(run=self.now_ms, svc=self.service_ms)

    def before_call(self, event: str = "") -> None:
        """Let happen what happens between two calls, and know what the next one makes of it."""
        if event == "the library is lost":
            self.do(self.store.redis.execute_command("FUNCTION", "FLUSH", "SYNC"))
        elif event == "valkey is killed":
            self.valkey.restart()
        is_ahead = event == "the clock steps ahead"
        self.set(raw=AHEAD_MS if is_ahead else BEHIND_MS)
        self.now_ms += LONGEST_GAP_MS * is_ahead
        self.service_ms += LONGEST_GAP_MS * is_ahead

    @invariant()
    def the_clocks_are_as_told(self) -> None:
        assert self.get("run", "svc") == [self.now_ms, self.service_ms]

    def teardown(self) -> None:
        self.do(self.store.redis.aclose())
        self.loop.close()
