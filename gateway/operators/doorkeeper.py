"""Who stands behind a token, asked of the register and remembered for when it is away."""

import time

from msgspec import Struct

from gateway.http.refusals import Unavailable
from gateway.http.register_calls import ask_register
from gateway.register.tokens import Holder, Tokens, hash_token

# A token that is revoked ends within this.
FRESH_SECONDS = 1.0

# While the register is away those who were seen lately may go on watching.
REMEMBERED_SECONDS = 900.0

# And it is not asked at every call: it may take seconds to say nothing.
_PAUSE_SECONDS = 2.0

# More tokens than any country has operators.
_MOST_REMEMBERED = 1_024


class _Seen(Struct, frozen=True):
    holder: Holder
    at: float


class Doorkeeper:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._seen: dict[str, _Seen] = {}
        self._ask_again_at = 0.0

    async def find(self, token: str) -> Holder | None:
        """Return None for a token that is not valid; raises Unavailable for one that cannot be looked up."""
        key, now = hash_token(token), time.monotonic()
        seen = self._seen.get(key)
        if seen and now < seen.at + FRESH_SECONDS:
            return _if_valid(seen.holder)
        if now < self._ask_again_at:
            return self._remember(seen, now)
        try:
            holder = await ask_register(self._tokens.find(token, _now_ms()))
        except Unavailable:
            self._ask_again_at = time.monotonic() + _PAUSE_SECONDS
            return self._remember(seen, now)
        self._seen.pop(key, None)
        if holder is not None:
            if len(self._seen) >= _MOST_REMEMBERED:
                self._seen.pop(next(iter(self._seen)))
            self._seen[key] = _Seen(holder, now)
        return holder

    def forget(self, token: str) -> None:
        """Ask the register at the next call, whoever was seen."""
        self._seen.pop(hash_token(token), None)

    @staticmethod
    def _remember(seen: _Seen | None, now: float) -> Holder | None:
        if seen is None or now >= seen.at + REMEMBERED_SECONDS:
            raise Unavailable
        return _if_valid(seen.holder)


def _if_valid(holder: Holder) -> Holder | None:
    return holder if holder.is_valid(_now_ms()) else None


def _now_ms() -> int:
    return int(time.time() * 1000)
