"""Made-up days to rehearse with."""

import random

from config.settings import CONFIG_DIR
from gateway.domain.programme import load_programme
from gateway.operators.rehearsal.recording import Arrival, Header, Reached, Recording, Source

PROGRAMME = load_programme(CONFIG_DIR / "programmes" / "42500.toml")


def served(at_ms: int, person: int, **seen: object) -> Arrival:
    """Somebody who took three seconds, and the workers another two."""
    values = {"reached": Reached.CODE, "phone_ms": 1_000, "code_ms": 2_000, "service_ms": 2_000, **seen}
    return Arrival(at_ms=at_ms, person=person, **values)  # type: ignore[arg-type]  # Each is of its type.


def recording(*arrivals: Arrival, limit: int = 10, source: Source = Source.SURGE) -> Recording:
    return Recording(Header(source=source, programme=PROGRAMME, limit=limit), arrivals)


def crowd(count: int, seconds: int, *, limit: int, seed: int = 1, repeats: float = 0.0) -> Recording:
    """So many visits at random moments; some of them of people who have been there before."""
    rng = random.Random(seed)
    people, arrivals = 0, []
    for at_ms in sorted(rng.randrange(seconds * 1000) for _ in range(count)):
        is_repeat = people > 0 and rng.random() < repeats
        person = rng.randrange(people) if is_repeat else people
        people += not is_repeat
        times = {name: rng.randrange(500, 3_000) for name in ("phone_ms", "code_ms", "service_ms")}
        arrivals.append(served(at_ms, person, **times))
    return recording(*arrivals, limit=limit)
