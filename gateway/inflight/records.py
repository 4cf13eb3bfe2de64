"""Shapes in which records leave Redis."""

import msgspec

from gateway.domain.case import State

# An ended record goes on answering repeated calls and looks for this long; afterwards the register does.
KEPT_MS = 3_600_000


class Step(msgspec.Struct, frozen=True):
    """A state a case came to, and when (epoch ms)."""

    state: State
    at_ms: int


def parse_history(text: bytes) -> tuple[Step, ...]:
    """`awaiting_phone:1763…,accepted:1763…`, oldest first."""
    steps = (entry.split(":") for entry in text.decode().split(","))
    return tuple(Step(State(state), int(at_ms)) for state, at_ms in steps)


def history_text(steps: tuple[Step, ...]) -> str:
    return ",".join(f"{step.state}:{step.at_ms}" for step in steps)
