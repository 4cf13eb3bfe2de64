"""Lines of the audit trail, and how each holds on to the one before it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

# Actions that change what is steered; the line of one that was done has the `old` and `new` values.
CHANGE: Final = "change"
ROLLBACK: Final = "rollback"
CHANGES: Final = (CHANGE, ROLLBACK)

# What the first line holds on to.
GENESIS: Final = "0" * 64


class Head(NamedTuple):
    """The newest line, by its sequence and hash; of an empty trail it is 0 and GENESIS."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAuditLine:
    """Who did what, to what, why, and what came of it. Never personal data.

    `details` is whatever JSON can say; `subject` what it was done to: a change's sequence, a case, a token.
    """

    at_ms: int
    actor: str
    role: str
    action: str
    outcome: str
    programme: str | None = None
    subject: str | None = None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """A line as it is kept; `details` is JSON, its keys in order."""

    sequence: int
    at_ms: int
    actor: str
    role: str
    action: str
    programme: str | None
    subject: str | None
    details: str
    reason: str | None
    outcome: str
    previous_hash: str
    hash: str

    @property
    def known_details(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads(self.details)
        return known

    def holds(self, head: Head) -> bool:
        """Whether this is the unchanged line that came after `head`."""
        return (
            self.sequence == head.sequence + 1
            and self.previous_hash == head.hash
            and self.hash == _hash({name: value for name, value in asdict(self).items() if name != "hash"})
        )


def link(line: NewAuditLine, head: Head) -> AuditLine:
    """Make the line that comes after `head`."""
    fields = asdict(line) | {
        "sequence": head.sequence + 1,
        "details": _json(line.details),
        "previous_hash": head.hash,
    }
    return AuditLine(**fields, hash=_hash(fields))


def _hash(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(_json(fields).encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
