"""Does an answer tell whether a person has applied, or a number exists? Pairs, asked in random order."""

import random
from collections.abc import Callable, Sequence
from itertools import count

from msgspec import Struct

from gateway.domain.case import State, new_application_id
from gateway.register.entries import NewEntry, Step
from gateway.register.journal import open_journal
from tests.integration.http.journey import PROGRAMME, form, new_iban, new_phone
from tests.security.people import APPLICATIONS, apply, be_accepted, shape_of
from tests.security.serving import Answer, Client, Served

# A number of the journal that nobody has yet.
_FREE_SERIALS = count(9_000_000)

Ask = Callable[[Client], Answer]


class Likeness(Struct, frozen=True):
    """How alike the two sides of all pairs were. `distance`: Kolmogorov-Smirnov, of the times."""

    pairs: int
    unlike: int
    distance: float
    median_ms: tuple[float, float]


def compare(gateway: Served, pairs: Sequence[tuple[Ask, Ask]]) -> Likeness:
    """Ask both of each pair over one connection, at random which first."""
    known: list[Answer] = []
    unknown: list[Answer] = []
    order = random.Random(42)
    with gateway.client() as client:
        for first, second in pairs:
            sides = [(known, first), (unknown, second)]
            order.shuffle(sides)
            for answers, ask in sides:
                answers.append(ask(client))
    unlike = sum(_face(one) != _face(other) for one, other in zip(known, unknown, strict=True))
    times = [sorted(answer.seconds * 1000 for answer in answers) for answers in (known, unknown)]
    middle = len(pairs) // 2
    return Likeness(len(pairs), unlike, distance(*times), (times[0][middle], times[1][middle]))


def _face(answer: Answer) -> object:
    kept = {name for name in answer.headers if name not in {"date", "content-length"}}
    return answer.status, sorted(kept), shape_of(answer.json)


def distance(some: Sequence[float], others: Sequence[float]) -> float:
    """The farthest that the two distributions are apart; both sorted, and of one length."""
    at, farthest = [0, 0], 0
    while max(at) < len(some):
        low = min(some[at[0]], others[at[1]])
        for side, values in enumerate((some, others)):
            while at[side] < len(values) and values[at[side]] <= low:
                at[side] += 1
        farthest = max(farthest, abs(at[0] - at[1]))
    return farthest / len(some)


def persons(gateway: Served, pairs: int) -> Likeness:
    """Forms with the IIN of those who were accepted and a stranger's account, and forms for nobody yet."""
    with gateway.client() as client:
        known = [be_accepted(gateway, client).form["iin"] for _ in range(pairs)]
    return compare(gateway, [(_submit(form(iin=iin)), _submit(form())) for iin in known])


def persons_at_a_full_door(gateway: Served, pairs: int) -> Likeness:
    with gateway.client() as client:
        known = [be_accepted(gateway, client).form["iin"] for _ in range(pairs)]
        live = gateway.redis.zcard(f"{{{PROGRAMME}}}:slots")
        gateway.redis.hset(f"{{{PROGRAMME}}}:door", "limit", live)
        assert client.post(APPLICATIONS, form()).status == 503
    return compare(gateway, [(_submit(form(iin=iin, iban=new_iban())), _submit(form())) for iin in known])


def _submit(fields: dict[str, object]) -> Ask:
    return lambda client: client.post(APPLICATIONS, fields)


async def numbers(gateway: Served, pairs: int) -> tuple[Likeness, Likeness]:
    """Lost receipts: asking for the code, and a wrong code, for numbers that there are and are not."""
    phone_hash, phones = gateway.ring.phone, [new_phone() for _ in range(pairs)]
    journal = open_journal(f"sqlite:///{gateway.folder / 'data' / 'register.db'}")
    try:
        known = [await journal.register(_entry(n, phone_hash(phone))) for n, phone in enumerate(phones)]
    finally:
        await journal.close()
    unknown = [f"{known[0].rpartition('-')[0]}-{next(_FREE_SERIALS)}" for _ in known]
    asking, redeeming = (
        compare(
            gateway,
            [
                (_lose(number, phone, code), _lose(other, phone, code))
                for number, other, phone in zip(known, unknown, phones, strict=True)
            ],
        )
        for code in ({}, {"code": "000000"})
    )
    return asking, redeeming


def _lose(number: str, phone: str, code: dict[str, str]) -> Ask:
    return lambda client: client.post("/v1/receipts", {"number": number, "phone": phone, **code})


def _entry(n: int, phone_hash: str) -> NewEntry:
    return NewEntry(
        application_id=new_application_id(PROGRAMME),
        category="entrepreneur",
        person=f"{n:032x}",
        phone_hash=phone_hash,
        receipt_hash=f"{n:064x}",
        sealed=b"",
        sealed_phone=b"",
        record_version=1,
        accepted_at_ms=1_790_000_000_000,
        fence=1,
        history=[Step(State.ACCEPTED, 1_790_000_000_000)],
    )


def foreign_receipts(gateway: Served, people: int, tries: int) -> dict[str, int]:
    """Ask for one application with another's receipt, and for none at all; count what answers otherwise."""
    chance, leaks = random.Random(7), {"GET": 0, "phone": 0, "confirmation": 0, "answers": 0}
    with gateway.client() as client:
        known = [apply(client) for _ in range(people)]
        nobody = client.ask("GET", f"/v1/applications/{PROGRAMME}-{'a' * 26}", headers=known[0].bearer)
        for _ in range(tries):
            one, other = chance.sample(known, 2)
            what, answer = _trespass(client, chance, one.id, other.bearer)
            leaks[what] += answer.status != 404
            leaks["answers"] += answer.text != nobody.text
    return leaks


def _trespass(
    client: Client, chance: random.Random, application_id: str, bearer: dict[str, str]
) -> tuple[str, Answer]:
    path = f"/v1/applications/{application_id}"
    match chance.randrange(3):
        case 0:
            return "GET", client.ask("GET", path, headers=bearer)
        case 1:
            return "phone", client.post(f"{path}/phone", {"phone": new_phone()}, bearer)
        case _:
            code = {"code": f"{chance.randrange(10**6):06}"}
            return "confirmation", client.post(f"{path}/confirmation", code, bearer)
