"""The service on one machine: its programs as data."""

import functools
import sys
from http.client import HTTPConnection, HTTPException

from config.settings import Settings
from supervisor import valkey
from supervisor.child import Child

# Start stages: Valkey first, the others together. Stop stages: who takes work in, whom they call, the store.
_STORE, _SERVICE = 0, 1
_STOP_SERVICE, _STOP_STANDINS, _STOP_STORE = 0, 1, 2

# The child that is there only when the settings name no Redis.
STORE = "valkey"

_PROBE_SECONDS = 1.0

# Load tests come from many addresses, and all of them from this machine.
_LOOPBACK = "127.0.0.0/8,::1/128"


def build_stack(settings: Settings, valkey_port: int | None) -> list[Child]:
    """Return the programs to run; without a Valkey port, on the Redis of the settings. Raises ValkeyError."""
    env = _run_profile(settings, valkey_port)
    python = (sys.executable, "-m")
    standins = Child(
        name="stand-ins",
        argv=(*python, "loadtests.standins"),
        env=env,
        is_ready=functools.partial(_answers_ok, "127.0.0.1", settings.standins_port, "/faults"),
        start_stage=_SERVICE,
        stop_stage=_STOP_STANDINS,
    )
    gateway = Child(
        name="gateway",
        argv=(*python, "gateway"),
        env=env,
        is_ready=functools.partial(_answers_ok, settings.host, settings.port, "/health/ready"),
        start_stage=_SERVICE,
        stop_stage=_STOP_SERVICE,
    )
    operators = Child(
        name="operators",
        argv=(*python, "gateway.operators.serve"),
        env=env,
        is_ready=functools.partial(_answers_ok, settings.operators_host, settings.operators_port, "/metrics"),
        start_stage=_SERVICE,
        stop_stage=_STOP_SERVICE,
    )
    workers = [
        Child(
            name=f"worker-{number}",
            argv=(*python, "workers.main"),
            env=env,
            start_stage=_SERVICE,
            stop_stage=_STOP_SERVICE,
        )
        for number in range(1, settings.workers + 1)
    ]
    return [*_embedded_valkey(settings, valkey_port), standins, gateway, operators, *workers]


def _embedded_valkey(settings: Settings, port: int | None) -> list[Child]:
    if port is None:
        return []
    return [
        Child(
            name=STORE,
            argv=tuple(valkey.command(settings.data_dir, port)),
            is_ready=functools.partial(valkey.is_ready, port),
            start_stage=_STORE,
            stop_stage=_STOP_STORE,
        )
    ]


def _run_profile(settings: Settings, valkey_port: int | None) -> dict[str, str]:
    """Return what a run on one machine adds to the settings."""
    profile = {
        "QABYLDAU_DATA_DIR": str(settings.data_dir),
        "QABYLDAU_KEYS_FILE": str(settings.keys_path.absolute()),
    }
    if valkey_port is not None:
        profile["QABYLDAU_REDIS_URL"] = valkey.url(valkey_port)
    if not settings.trusted_proxies:
        profile["QABYLDAU_TRUSTED_PROXIES"] = _LOOPBACK
    if not settings.sms_url:
        # The stand-in wants to see a login, whichever.
        profile |= {"QABYLDAU_SMS_LOGIN": "stand-in", "QABYLDAU_SMS_PASSWORD": "stand-in"}
    return profile


def _answers_ok(host: str, port: int, path: str, _pid: int) -> bool:
    connection = HTTPConnection(host, port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004 -- OK.
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
