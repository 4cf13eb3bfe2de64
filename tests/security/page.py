"""What attacks at full size came to when they were last made, kept as JSON and drawn as a page."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.security.serving import ROOT

FOLDER = ROOT / "docs" / "evidence"

WORDS = {True: "held", False: "**BROKEN**", None: "not run"}

_HEAD = """\
# Security: what was tried

Drawn by `make security` from what each proof found when it was last made at full size; `make security
ARGS="--only guessing"` makes one again. Numbers are those of the fault table; what each attack does is in
`tests/security/`, and smaller ones of all of them are in `make test`.

| | asked | found | | made |
|---|---|---|---|---|
"""


class Row(Struct, frozen=True):
    rows: str
    asked: str
    found: str
    held: bool | None


class Proof(Struct, frozen=True):
    """`made`: when, where and with what."""

    rows: list[Row]
    seconds: float
    made: str


def keep(name: str, proof: Proof, order: Iterable[str], folder: Path = FOLDER) -> None:
    """Put a proof into the book beside the others, and draw the page anew in this order."""
    path = folder / "security.json"
    known = msgspec.json.decode(path.read_bytes(), type=dict[str, Proof]) if path.exists() else {}
    known[name] = proof
    book = {one: known[one] for one in order if one in known}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(book)) + b"\n")
    (folder / "security.md").write_text(_page(book.values()))


def _page(proofs: Iterable[Proof]) -> str:
    lines = [
        f"| {row.rows} | {row.asked} | {row.found} | {WORDS[row.held]} | {proof.made}; "
        f"{proof.seconds / 60:.1f} min |\n"
        for proof in proofs
        for row in proof.rows
    ]
    return _HEAD + "".join(lines)
