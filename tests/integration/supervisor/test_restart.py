import os
import signal
from pathlib import Path

from redis import Redis

from tests.conftest import free_port
from tests.integration.supervisor.service import SLEEPER, dummy_service, python


def test_a_child_that_always_crashes_is_started_again_with_growing_pauses() -> None:
    with dummy_service({"name": "one", "argv": python("raise SystemExit(7)")}) as service:
        said = service.read_until("in 0.8 s")
        service.signal(signal.SIGTERM)

        assert service.wait() == 0
        assert "one ended (exit code 7), starting it again in 0.2 s" in said
        assert "one ended (exit code 7), starting it again in 0.4 s" in said


def test_a_killed_valkey_comes_back_with_its_data(tmp_path: Path) -> None:
    port = free_port()
    with dummy_service(valkey_port=port, data_dir=tmp_path) as service, Redis(port=port) as client:
        service.read_until("all ready")
        client.set("kept", 1)
        (valkey,) = service.pids() - {service.process.pid}
        os.kill(valkey, signal.SIGKILL)
        said = service.read_until("valkey is back")
        client.connection_pool.disconnect()

        assert "valkey ended (signal 9), starting it again in 0.2 s" in said
        assert client.get("kept") == b"1"
        service.signal(signal.SIGTERM)
        assert service.wait() == 0


def test_what_a_dead_child_left_in_its_group_goes_with_it() -> None:
    orphan_maker = python("import subprocess; subprocess.Popen(['sleep', '600'])")
    with dummy_service({"name": "one", "argv": orphan_maker}) as service:
        service.read_until("in 0.4 s")
        service.signal(signal.SIGTERM)

        assert service.wait() == 0
        service.wait_until_nothing_is_left()


def test_a_child_that_refuses_its_settings_ends_the_start() -> None:
    refusing = python("import sys; print('limit: not a number'); sys.exit(2)")
    with dummy_service({"name": "one", "argv": refusing}, {"name": "two", "argv": SLEEPER}) as service:
        assert service.wait() == 2
        said = service.read_rest()

        assert "one | limit: not a number" in said
        assert "stopping: one does not take its settings" in said
        assert not service.pids()
