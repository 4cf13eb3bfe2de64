"""The public gateway as it is served: its own processes, a real Valkey, requests over the wire."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Self

from redis import Redis

from config.keys import load_keys
from config.settings import CONFIG_DIR
from gateway.sealing import KeyRing
from supervisor.valkey import ValkeyProcess
from tests.conftest import free_port

ROOT = Path(__file__).parents[2]
READY_SECONDS = 30.0

# A busy process sheds those who look before it reads on: an answer of the moment and not of the question.
SHED_PAUSE_SECONDS = 0.01
SHED_MOST = 1_000

# Nobody is held up by limits that other proofs are about.
GENEROUS = {
    "address": "{ count = 1_000_000, window_seconds = 1 }",
    "person": "{ count = 1_000_000, window_seconds = 1 }",
    "phone": "{ count = 1_000_000, window_seconds = 1 }",
    "block": "{ count = 1_000_000, window_seconds = 1 }",
    "code_address": "{ count = 1_000_000, window_seconds = 1 }",
}


class Answer:
    """`seconds`: from the request's first byte to the answer's last."""

    def __init__(self, response: HTTPResponse, began: float) -> None:
        self.text = response.read().decode()
        self.seconds = time.perf_counter() - began
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def is_shed(self) -> bool:
        return self.status == 503 and self.json["code"] == "full" and "ticket" not in self.json


class Client:
    """One connection that is kept, as a patient attacker keeps it."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        types = {} if body is None else {"Content-Type": "application/json"}
        for _ in range(SHED_MOST):
            began = time.perf_counter()
            self._connection.request(method, path, content, {**types, **(headers or {})})
            answer = Answer(self._connection.getresponse(), began)
            if not answer.is_shed:
                break
            time.sleep(SHED_PAUSE_SECONDS)
        return answer

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("POST", path, body, headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class Served:
    """A running gateway; `redis` and `ring` are for proofs that look behind it."""

    def __init__(self, folder: Path, redis_url: str, settings: Mapping[str, str]) -> None:
        self.folder, self.port, self.settings = folder, free_port(), settings
        self.log = folder / f"gateway-{self.port}.log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis: Any = Redis.from_url(redis_url)
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QABYLDAU_")},
            "QABYLDAU_REDIS_URL": redis_url,
            "QABYLDAU_DATA_DIR": str(folder / "data"),
            "QABYLDAU_PORT": str(self.port),
            **{f"QABYLDAU_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def ring(self) -> KeyRing:
        keys = load_keys(self.folder / "data" / "keys.toml")
        return KeyRing(keys.sealing, keys.active, keys.lookup)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway"], cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(self.log.read_text()[-4000:])
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def client(self) -> Client:
        return Client(self.port)

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def _is_ready(self) -> bool:
        with suppress(OSError, HTTPException), self.client() as client:
            return client.ask("GET", "/health/ready").status == 200
        return False

    def twin(self) -> "Served":
        """Another server of the same installation, as on another machine."""
        return Served(self.folder, self.environ["QABYLDAU_REDIS_URL"], self.settings)


@contextmanager
def served(
    folder: Path, redis_url: str, limits: Mapping[str, str] | None = None, **settings: str
) -> Iterator[Served]:
    """Serve the shipped programme with other limits. Clients may say where they come from."""
    programmes = folder / "programmes"
    programmes.mkdir()
    text = (CONFIG_DIR / "programmes" / "42500.toml").read_text()
    for name, value in (limits or {}).items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, count=1, flags=re.MULTILINE)
    (programmes / "42500.toml").write_text(text)
    own = {"programmes_dir": str(programmes), "trusted_proxies": "127.0.0.0/8"}
    gateway = Served(folder, redis_url, {**own, **settings})
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


@contextmanager
def valkey_of_its_own(folder: Path) -> Iterator[str]:
    process = ValkeyProcess(folder, free_port())
    process.start()
    try:
        yield process.url
    finally:
        process.stop()
