"""`make security`: every attack at full size; what came of it goes into docs/evidence/security.md.

`--only NAME` makes one proof again; `--quick` is the same with a fiftieth of everything, and writes nothing.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from loadtests.chaos.book import surroundings
from tests.security import contract, fuzzing, supplied
from tests.security.guessing import attack
from tests.security.page import WORDS, Proof, Row, keep
from tests.security.rotating import lost_after, rotate, sealed_by
from tests.security.serving import GENEROUS, Served, served, valkey_of_its_own
from tests.security.telling_apart import (
    Likeness,
    foreign_receipts,
    numbers,
    persons,
    persons_at_a_full_door,
)

PAIRS, FOREIGN, PEOPLE, GUESSES, CASES, FUZZ_SECONDS = 5_000, 10_000, 500, 10_000, 300, 600
QUICK = 50

# Farther apart than this, and an answer's time would tell what its words do not.
MOST_DISTANCE = 0.06
# What chance alone does to few pairs: passed once in a hundred by two samples of the same (Smirnov).
CHANCE = 1.63
MOST_TRIES = 5


class Scale(Struct, frozen=True):
    part: int

    def of(self, whole: int) -> int:
        return max(whole // self.part, 12)


@contextmanager
def gateway_of_its_own() -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as folder:
        valkey, gateway = Path(folder) / "valkey", Path(folder) / "gateway"
        valkey.mkdir()
        gateway.mkdir()
        with valkey_of_its_own(valkey) as url, served(gateway, url, GENEROUS, gateways="2") as one:
            yield one


def run_contract(scale: Scale) -> list[Row]:
    with gateway_of_its_own() as gateway:
        result = contract.run(gateway, scale.of(CASES))
    asked = "schemathesis, all checks, stateful: the document and the routes say the same"
    return [Row("40, 41, 52", asked, result.says, result.held)]


def run_fuzzing(scale: Scale) -> list[Row]:
    asked = "bytes at every parser: no error but the declared, no 5xx but the contract's 503"
    result = fuzzing.run(FUZZ_SECONDS // scale.part)
    return [Row("39–41, 52", asked, result.says, result.held)]


def run_enumeration(scale: Scale) -> list[Row]:
    pairs = scale.of(PAIRS)
    with gateway_of_its_own() as gateway:
        found = [("a known and an unknown IIN", persons(gateway, pairs))]
        asking, redeeming = asyncio.run(numbers(gateway, pairs))
        found += [
            ("a journal number that exists and one that does not: asking", asking),
            ("the same: a wrong code", redeeming),
            ("at a full door, who has applied and who has not", persons_at_a_full_door(gateway, pairs)),
        ]
    return [_likeness(what, likeness) for what, likeness in found]


def _likeness(what: str, likeness: Likeness) -> Row:
    known, unknown = likeness.median_ms
    says = (
        f"{likeness.pairs} pairs: {likeness.unlike} unlike in status, headers or shape of body; "
        f"distance of times {likeness.distance:.3f} (medians {known:.2f} and {unknown:.2f} ms)"
    )
    asked = f"{what}: the same answer in the same time, distance ≤ {MOST_DISTANCE}"
    most = max(MOST_DISTANCE, CHANCE * (2 / likeness.pairs) ** 0.5)
    return Row("45", asked, says, likeness.unlike == 0 and likeness.distance <= most)


def run_foreign(scale: Scale) -> list[Row]:
    with gateway_of_its_own() as gateway:
        leaks = foreign_receipts(gateway, scale.of(PEOPLE), scale.of(FOREIGN))
    says = f"{scale.of(FOREIGN)} tries: {sum(leaks.values())} answered otherwise than an unknown id"
    return [Row("46", "foreign receipts show and change nothing", says, not any(leaks.values()))]


def run_guessing(scale: Scale) -> list[Row]:
    with gateway_of_its_own() as gateway:
        guesser = attack(gateway, scale.of(GUESSES))
    says = (
        f"{guesser.answers.total()} guesses over 8 connections and 2 processes, with new codes, other "
        f"numbers, other candidates, after they lapsed: {guesser.tried} compared, "
        f"{guesser.answers['right']} right"
    )
    held = guesser.tried <= MOST_TRIES and not guesser.answers["right"]
    return [Row("42, 43", f"at most {MOST_TRIES} tries, whatever is done", says, held)]


def run_rotation(scale: Scale) -> list[Row]:
    with gateway_of_its_own() as gateway:
        other = gateway.twin()
        other.start()
        try:
            kept, errors = rotate((gateway, other), clients=4 if scale.part == 1 else 1)
        finally:
            other.stop()
        lost, sealed = lost_after(gateway, kept), sealed_by(gateway, kept)
    says = (
        f"{len(kept)} accepted meanwhile, sealed with keys {sorted(sealed)}; {len(errors)} errors; "
        f"{len(lost)} not readable afterwards"
    )
    held = bool(kept) and not errors and not lost and len(sealed) == 2
    return [Row("51", "keys change under load: no error, old data readable", says, held)]


def run_supply(_: Scale) -> list[Row]:
    audit, listed = supplied.audit(), supplied.write_sbom()
    return [
        Row("52", "no known hole in what is pinned (pip-audit)", audit.says, audit.held),
        Row("52", "a bill of materials of what is pinned (CycloneDX)", listed, held=True),
    ]


PROOFS: dict[str, Callable[[Scale], list[Row]]] = {
    "contract": run_contract,
    "fuzzing": run_fuzzing,
    "enumeration": run_enumeration,
    "foreign": run_foreign,
    "guessing": run_guessing,
    "rotation": run_rotation,
    "supply": run_supply,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make security")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=PROOFS, action="append")
    options = parser.parse_args()
    is_broken = False
    for name in options.only or PROOFS:
        began = time.monotonic()
        rows = PROOFS[name](Scale(QUICK if options.quick else 1))
        for row in rows:
            sys.stdout.write(f"{WORDS[row.held]:<12}{row.asked}\n{'':<12}{row.found}\n")
            sys.stdout.flush()
            is_broken |= row.held is False
        if not options.quick:
            keep(name, Proof(rows, time.monotonic() - began, surroundings()), PROOFS)
    sys.exit(is_broken)


if __name__ == "__main__":
    main()
