from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.counting import Ledger


@contextmanager
def opened_ledger(folder: Path) -> Iterator[Ledger]:
    """A ledger whose files are closed in the end, as a process that ends closes its own."""
    ledger = Ledger()
    ledger.open(folder)
    try:
        yield ledger
    finally:
        for file in ledger._files.values():
            assert file._f is not None
            file._f.close()
