"""Runs the supervisor with the children that the test describes in JSON on the command line."""

import asyncio
import functools
import json
import sys
from pathlib import Path

from supervisor import valkey
from supervisor.child import Child
from supervisor.supervise import Supervisor
from supervisor.terminal import Terminal


def file_exists(path: str, _pid: int) -> bool:
    return Path(path).exists()


def main() -> int:
    described = json.loads(sys.argv[1])
    children = [
        Child(
            name=one["name"],
            argv=tuple(one["argv"]),
            is_ready=functools.partial(file_exists, one.get("ready_file", "/")),
            start_stage=one.get("start_stage", 0),
            stop_stage=one.get("stop_stage", 0),
        )
        for one in described["children"]
    ]
    if port := described["valkey_port"]:
        argv = tuple(valkey.command(Path(described["data_dir"]), port))
        ready = functools.partial(valkey.is_ready, port)
        children.append(Child(name="valkey", argv=argv, is_ready=ready, stop_stage=1))
    terminal = Terminal(1)
    supervisor = Supervisor(children, terminal, described["stop_seconds"])
    code = asyncio.run(supervisor.run(lambda: terminal.say("all ready")))
    terminal.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
