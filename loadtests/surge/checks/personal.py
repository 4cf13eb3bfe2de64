from collections.abc import Iterable
from pathlib import Path

from loadtests.surge.books.traces import canaries_of, find_traces
from loadtests.surge.casting import Visit
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "no personal data in the open"
EXPECTED = "0 traces of anybody in logs, Redis' file, the register's, counts"


def check_personal(data_dir: Path, log: Path, visits: Iterable[Visit]) -> Verdict:
    files = [log, *sorted(path for path in data_dir.rglob("*") if path.is_file())]
    return judged(NAME, EXPECTED, list(find_traces(files, canaries_of(visits))))
