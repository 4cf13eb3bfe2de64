"""Whatever people, the fund and the machine do: a repeat is a repeat, and nothing personal is told."""

import json

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, multiple, precondition, rule

from config.keys import Keys
from tests.integration.http.fund import decision, tell
from tests.integration.http.journey import Submitted, wrong
from tests.integration.http.lost_receipts import UNKNOWN, ask, sent_code
from tests.integration.http.machines.canaries import EMAIL, NAME, Person
from tests.integration.http.machines.odd_calls import calls, few, right_calls, seldom
from tests.integration.http.machines.world import World
from tests.integration.http.waiting import APPLICATIONS

Forwarded = tuple[Submitted, str, str]


class Applicants(RuleBasedStateMachine):
    cases = Bundle("cases")
    asked = Bundle("asked")
    forwarded = Bundle("forwarded")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.journey, self.do, self.room = world, world.journey, world.do, world.room
        world.begin()
        self.people = [world.new_person() for _ in range(3)]
        self.by_key: dict[str, tuple[dict[str, object], httpx.Response]] = {}
        self.all: list[Submitted] = []
        self.tickets: list[tuple[Person, str]] = []
        self.is_open, self.was_killed = True, False

    async def apply(self, fields: object, key: str = "", indent: int = 0) -> httpx.Response:
        body = json.dumps(fields, indent=indent or None, ensure_ascii=not indent)
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return await self.journey.client.post(APPLICATIONS, content=body.encode(), headers=headers)

    def count(self) -> tuple[int, int]:
        """Count records and accepted cases."""
        cases = self.do(self.journey.redis.keys("{42500}:case:*"))
        return len(cases), int(self.do(self.journey.redis.hget("{42500}:door", "accepted")) or 0)

    @rule(target=cases, who=few, iban=few, key=st.sampled_from(["", "k1", "k2"]), indent=few)
    def somebody_applies(self, who: int, iban: int, key: str, indent: int) -> object:
        """With a key twice at once, the second time written in another way."""
        fields, (before, _) = self.people[who].form(iban=self.people[iban].iban), self.count()
        replies = self.world.at_once([self.apply(fields, key, at) for at in ([0, indent] if key else [0])])
        is_new = key not in self.by_key and replies[0].status_code == 202
        assert self.count()[0] - before == is_new
        if is_new and key:
            self.by_key[key] = (fields, replies[0])
        first_fields, first = self.by_key.get(key, (fields, replies[0]))
        for reply in replies:
            if fields != first_fields:
                assert reply.json().get("code") == "idempotency_conflict"
            elif first.status_code == 202:
                assert (reply.status_code, reply.text) == (202, first.text)
                assert reply.headers["location"] == first.headers["location"]
            else:
                assert reply.json().get("ticket") == first.json().get("ticket")
        if "ticket" in first.json():
            self.tickets.append((self.people[who], first.json()["ticket"]))
        if not is_new:
            return multiple()
        self.all.append(Submitted(first.json()["id"], first.json()["receipt"]))
        return self.all[-1]

    @rule(which=few, is_own=st.booleans())
    def a_ticket_is_shown(self, which: int, is_own: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name.
        if self.tickets:
            owner, ticket = self.tickets[-1 - which % len(self.tickets)]
            assert self.do(self.room.ask(ticket)).status_code == 200
            person = owner if is_own else self.world.new_person()
            reply = self.do(self.room.send(person.form(), ticket))
            assert is_own or reply.json().get("code") == "ticket_invalid"

    @rule(who=few, zero=st.sampled_from("٠०０𝟎"), field=st.sampled_from(["iin", "iban"]))
    def somebody_writes_digits_of_another_script(self, who: int, zero: str, field: str) -> None:
        script = {ord("0") + digit: chr(ord(zero) + digit) for digit in range(10)}
        person = self.people[who]
        fields = person.form()
        reply = self.do(self.apply(fields | {field: str(fields[field]).translate(script)}))
        assert [error["field"] for error in reply.json()["errors"]] == [field]
        reply = self.do(ask(self.journey, UNKNOWN, person.phone.translate(script)))
        assert [error["field"] for error in reply.json()["errors"]] == ["phone"]

    @rule(target=asked, case=cases, who=few)
    def a_phone_is_given(self, case: Submitted, who: int) -> object:
        if self.do(self.journey.give_phone(case, self.people[who].phone)).status_code != 202:
            return multiple()
        return case, self.do(self.journey.code(case))

    @rule(asked=asked, right=st.booleans(), is_late=seldom)
    def a_code_is_entered(self, asked: tuple[Submitted, str], right: bool, is_late: bool) -> None:  # noqa: FBT001 - As above.
        (case, code), (_, before) = asked, self.count()
        if is_late:
            self.time_passes(700)
        entered = [self.journey.confirm(case, code if right else wrong(code)) for _ in range(2)]
        statuses = {reply.status_code for reply in self.world.at_once(entered)}
        accepted = self.count()[1] - before
        assert accepted == 0 or (right and accepted == 1 and statuses == {200})

    @precondition(lambda self: self.is_open)
    @rule(target=asked)
    def somebody_gets_a_code(self) -> object:
        person = self.world.new_person()
        self.all.append(self.do(self.journey.submit(**person.form())))
        assert self.do(self.journey.give_phone(self.all[-1], person.phone)).status_code == 202
        return self.all[-1], self.do(self.journey.code(self.all[-1]))

    @precondition(lambda self: self.is_open)
    @rule(target=forwarded)
    def somebody_goes_all_the_way(self) -> object:
        person = self.world.new_person()
        case, number = self.do(self.journey.forwarded(person.phone, **person.form()))
        self.all.append(case)
        return case, number, person.phone

    @rule(case=forwarded, unknown=st.sampled_from(["", UNKNOWN]), right=st.booleans())
    def a_receipt_is_lost(self, case: Forwarded, unknown: str, right: bool) -> None:  # noqa: FBT001 - As above.
        number, phone = unknown or case[1], case[2]
        if self.do(ask(self.journey, number, phone)).status_code == 202:
            code = self.do(sent_code(self.journey, number, phone))
            reply = self.do(ask(self.journey, number, phone, code=code if right else wrong(code)))
            assert reply.status_code == (200 if right and not unknown else 422)

    @rule(case=forwarded, verdict=st.sampled_from(["assigned", "denied"]), reason=few, is_forged=seldom)
    def the_fund_decides(self, case: Forwarded, verdict: str, reason: int, is_forged: bool) -> None:  # noqa: FBT001 - As above.
        fields = decision(case[0], case[1], verdict, reason=[case[2], NAME, "income"][reason])
        keys = Keys({}, 1, b"", b"forged") if is_forged else self.world.keys
        assert self.do(tell(self.journey, fields, keys)).status_code in ({404} if is_forged else {204, 409})

    @rule(case=cases)
    def somebody_looks(self, case: Submitted) -> None:
        assert self.do(self.journey.status(case))["id"] == case.id

    @rule(data=st.data(), who=few)
    def something_odd_is_sent(self, data: st.DataObject, who: int) -> None:
        person = self.people[who]
        tickets = [ticket for _, ticket in self.tickets[-2:]]
        right = right_calls(self.all[-2:], tickets, person)
        self.world.send(data.draw(calls(right, [*person, NAME, EMAIL], self.world.keys.webhook)))

    @rule(who=few)
    def the_door_is_closed(self, who: int) -> None:
        self.do(self.journey.set_limit(0))
        self.is_open = False
        self.people[who] = self.world.new_person()
        self.somebody_applies(who, who, "", 0)

    @rule()
    def the_door_is_opened(self) -> None:
        self.do(self.journey.set_limit(25_000))
        # At once all who wait are called.
        self.do(self.room.pass_time(1000))
        self.is_open = True

    @rule(seconds=st.sampled_from([60, 200, 700]))
    def time_passes(self, seconds: int) -> None:
        self.do(self.journey.let_pass(seconds * 1000))

    @rule()
    def the_library_is_lost(self) -> None:
        self.do(self.journey.redis.function_flush("SYNC"))

    @precondition(lambda self: not self.was_killed)
    @rule(happens=seldom)
    def valkey_is_killed(self, happens: bool) -> None:  # noqa: FBT001 - As above.
        # A restart takes longer than a hundred other steps.
        if happens:
            self.world.is_away = self.was_killed = True
            self.world.valkey.kill()
            assert self.do(self.apply(self.people[0].form())).json()["code"] == "store_unavailable"
            self.world.come_back()
            self.world.is_away = False

    def teardown(self) -> None:
        self.world.check_traces()
