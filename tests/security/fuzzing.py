"""The targets under a fuzzer that follows the code's branches, each in a process of its own.

As a command, in the place that has the fuzzer: TARGET SECONDS REDIS_URL FOLDER.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.security.contract import VENV, Result
from tests.security.serving import ROOT, valkey_of_its_own

WHOLE = ("receipt", "decision", "signature", "public request", "operators' request")
LEAST_SECONDS = 2


def run(seconds: int) -> Result:
    from tests.security.targets import PARSERS  # noqa: PLC0415 - It must not be there before the fuzzer is.

    probe = [str(VENV / "python"), "-c", "import atheris"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        return Result("there is no fuzzer for this Python; make test throws random bytes", held=None)
    names = [*PARSERS, *WHOLE]
    each, thrown, broken = max(seconds // len(names), LEAST_SECONDS), 0, list[str]()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "valkey").mkdir()
        with valkey_of_its_own(Path(folder) / "valkey") as url:
            for name in names:
                ended = _fuzz(name, each, url, Path(folder))
                count = re.search(r"number_of_executed_units: (\d+)", ended.stderr)
                thrown += int(count[1]) if count else 0
                if ended.returncode or not count:
                    broken.append(name)
                    (ROOT / "build" / f"fuzz-{name.split()[0]}.txt").write_text(ended.stdout + ended.stderr)
    if broken:
        return Result(f"{', '.join(broken)}: see build/fuzz-*.txt", held=False)
    return Result(f"{len(names)} targets, {each} s each, {thrown:,} inputs: 0 undeclared errors", held=True)


def _fuzz(name: str, seconds: int, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(VENV / "python"), "-m", "tests.security.fuzzing", name, str(seconds), url, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def main(name: str, seconds: str, url: str, folder: str) -> None:
    import atheris  # noqa: PLC0415 - It is installed where this runs.

    with atheris.instrument_imports(include=["gateway", "config", "workers"]):
        from tests.security.targets import PARSERS, whole_applications  # noqa: PLC0415

    def begin(target: object, seeds: list[bytes]) -> None:
        corpus = Path(tempfile.mkdtemp(dir=folder))
        for number, seed in enumerate(seeds):
            (corpus / str(number)).write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-print_final_stats=1", "-seed=1", "-max_len=4096"]
        atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={folder}/", str(corpus)], target)
        atheris.Fuzz()

    if name in PARSERS:
        begin(*PARSERS[name])
    else:
        with whole_applications(url, Path(tempfile.mkdtemp(dir=folder))) as whole:
            begin(*whole[name])


if __name__ == "__main__":
    main(*sys.argv[1:])
