"""How many codes of one person and phone can be tried, whatever is done around it?"""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.integration.http.journey import PROGRAMME, new_iban, new_phone
from tests.security.people import Applied, apply, give_phone, guess
from tests.security.serving import Served

CONNECTIONS = 8
RESEND_MS, LEASE_MS = 61_000, 601_000


class Guesser:
    """`tried`: guesses that were compared with a code, which is what the answer to a wrong one says."""

    def __init__(self, gateway: Served) -> None:
        self._gateway, self._chance = gateway, random.Random(1)
        self.answers: Counter[str] = Counter()

    @property
    def tried(self) -> int:
        return self.answers["code_wrong"] + self.answers["right"]

    def guess_at_once(self, some: list[Applied], guesses: int) -> None:
        """Throw guesses over many connections, and so at all processes, at the same time."""
        rounds = [self._chance.sample(range(10**6), guesses // CONNECTIONS) for _ in range(CONNECTIONS)]
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            for answers in threads.map(lambda codes: self._guess(some, codes), rounds):
                self.answers += answers

    def _guess(self, some: list[Applied], codes: list[int]) -> Counter[str]:
        answers: Counter[str] = Counter()
        with self._gateway.client() as client:
            for at, code in enumerate(codes):
                answer = guess(client, some[at % len(some)], f"{code:06}")
                answers["right" if answer.status == 200 else answer.json["code"]] += 1
        return answers

    def wait(self, milliseconds: int) -> None:
        for clock in ("svc", "run"):
            self._gateway.redis.hincrby(f"{{{PROGRAMME}}}:door", clock, milliseconds)


def attack(gateway: Served, guesses: int) -> Guesser:
    """Take a victim's IIN and phone, and try everything that might bring more tries than five."""
    guesser, phone, each = Guesser(gateway), new_phone(), guesses // 6
    with gateway.client() as client:
        first = apply(client)
        victim = {"iin": first.form["iin"]}
        assert give_phone(client, first, phone).status == 202
        guesser.guess_at_once([first], each)
        # A new code, and another number and back: the lock is neither the code's nor the number's.
        guesser.wait(RESEND_MS)
        give_phone(client, first, phone)
        give_phone(client, first, new_phone())
        give_phone(client, first, phone)
        guesser.guess_at_once([first], each)
        # Other candidates, with the same key sent again, and all of them at once.
        others = [apply(client, **victim, iban=new_iban()) for _ in range(4)]
        for one in others:
            give_phone(client, one, phone)
        guesser.guess_at_once(others, each)
        guesser.guess_at_once([first, *others], each)
        # Once all of them have lapsed, from the beginning.
        guesser.wait(LEASE_MS)
        later = [apply(client, **victim, iban=new_iban()) for _ in range(3)]
        for one in later:
            give_phone(client, one, phone)
        guesser.guess_at_once(later, each)
        guesser.guess_at_once([first, *others, *later], each)
    return guesser
