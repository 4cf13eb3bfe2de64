"""The rows that Redis alone decides."""

from loadtests.bench.plan import Case
from loadtests.bench.redis_function import measure_the_function
from loadtests.bench.redis_in_flight import measure_in_flight
from loadtests.bench.redis_line import move_the_line
from loadtests.bench.redis_race import race_for_the_last_slots
from loadtests.bench.redis_tick import measure_ticks
from loadtests.bench.redis_waiting import measure_waiting

CASES: dict[str, Case] = {
    "function": measure_the_function,
    "memory": measure_in_flight,
    "race": race_for_the_last_slots,
    "line": move_the_line,
    "ticks": measure_ticks,
    "waiting": measure_waiting,
}
