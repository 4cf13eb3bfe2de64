"""`python -m loadtests.bench.generator`: takes a load as JSON, lays it on, and tells the result as JSON.

A process of its own, so that nothing else takes its core.
"""

import asyncio
import gc
import resource
import sys

import msgspec
import uvloop

from loadtests.bench.closed_loop import run_closed_loop
from loadtests.bench.crowd import run_crowd
from loadtests.bench.loads import ClosedLoop, Crowd, Load, OpenLoop, Result
from loadtests.bench.open_loop import run_open_loop
from loadtests.bench.pinned import ROOT, pinned


class GeneratorFailed(Exception):
    """The generator ended with an error; it has said which."""


async def lay_on(load: Load, core: int) -> Result:
    """Run a generator on its core until it has measured. Raises GeneratorFailed."""
    process = await asyncio.create_subprocess_exec(
        *pinned(core, [sys.executable, "-m", "loadtests.bench.generator"]),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate(msgspec.json.encode(load))
    if process.returncode:
        raise GeneratorFailed(f"the generator ended with exit code {process.returncode}")
    return msgspec.json.decode(printed, type=Result)


async def _run(load: Load) -> Result:
    match load:
        case ClosedLoop():
            return await run_closed_loop(load)
        case OpenLoop():
            return await run_open_loop(load)
        case Crowd():
            return await run_crowd(load)


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    # A collection would hold up all connections at once; what a run leaves behind fits into memory.
    gc.disable()
    result = uvloop.run(_run(load))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
