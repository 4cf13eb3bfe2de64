import msgspec

from gateway.app import _intake
from gateway.inflight.store import Store, open_redis
from gateway.operators.rehearsal.rules import admission_rules, confirmation_rules, room_rules
from tests.unit.operators.rehearsal.days import PROGRAMME


def test_the_rules_are_those_that_a_gateway_takes_from_the_programme() -> None:
    gateway = _intake(Store(open_redis("redis://127.0.0.1:1/0", 1)), PROGRAMME, 7)

    assert admission_rules(PROGRAMME, 7) == gateway.desk._rules
    assert room_rules(PROGRAMME) == gateway.summaries._room
    # A rehearsal begins at midnight.
    assert confirmation_rules(PROGRAMME, 7) == msgspec.structs.replace(gateway.rules, day_offset_ms=0)
