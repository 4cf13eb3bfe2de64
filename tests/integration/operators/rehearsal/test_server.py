import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from redis import Redis

from gateway.operators.rehearsal.server import private_valkey
from tests.integration.operators.processes import is_alive, wait_until


def pid_of(socket: Path) -> int:
    with Redis(unix_socket_path=str(socket)) as redis:
        return int(redis.info("server")["process_id"])


def test_a_server_is_gone_with_its_rehearsal_however_it_ends() -> None:
    with suppress(KeyError), private_valkey() as socket:
        pid = pid_of(socket)
        raise KeyError

    assert not is_alive(pid)
    assert not socket.parent.exists()


def test_a_server_does_not_outlive_a_rehearsal_that_is_killed() -> None:
    script = (
        "import time\n"
        "from gateway.operators.rehearsal.server import private_valkey\n"
        "with private_valkey() as socket:\n"
        "    print(socket, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    ) as process:
        assert process.stdout is not None
        pid = pid_of(Path(process.stdout.readline().decode().strip()))
        process.kill()

    wait_until(lambda: not is_alive(pid))


def test_two_rehearsals_do_not_meet() -> None:
    with private_valkey() as one, private_valkey() as other:
        assert pid_of(one) != pid_of(other)
