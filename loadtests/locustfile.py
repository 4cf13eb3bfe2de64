"""The surge for Locust. `python -m loadtests.surge` starts it, and measures, breaks and judges around it.

Locust patches the standard library on import, so this runs in processes of its own and asserts nothing.
"""

import sys
from pathlib import Path
from typing import Any

from locust import FastHttpUser, LoadTestShape, events, task
from locust.env import Environment

# Locust knows a file, not a package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loadtests.surge.connections import Proxy
from loadtests.surge.crowd import Crowd
from loadtests.surge.swarm import Conductor, join
from loadtests.surge.web import add_tab

# All users are spawned at once.
SPAWN_RATE = 100_000

crowd = Crowd()


@events.init.add_listener  # type: ignore[untyped-decorator]  # Locust is not in this environment.
def take_part(environment: Environment, **_: Any) -> None:
    conductor = environment.shape_class.conductor = join(environment, crowd)
    if environment.web_ui and conductor:
        add_tab(environment.web_ui, conductor)


class Visitor(FastHttpUser):  # type: ignore[misc]  # The same.
    client_pool = Proxy()

    def on_start(self) -> None:
        # Every answer is looked at here: none is an exception, and nobody keeps cookies.
        self.client.client.valid_response_codes = frozenset(range(200, 600))
        self.client.client.cookiejar = None

    @task  # type: ignore[untyped-decorator]  # The same.
    def visit(self) -> None:
        crowd.play_next(self.client)


class Arrivals(LoadTestShape):  # type: ignore[misc]  # The same.
    # Where Locust asks the shape, it is there.
    conductor: Conductor | None = None

    def tick(self) -> tuple[int, float] | None:
        users = self.conductor.users_wanted() if self.conductor else None
        return None if users is None else (users, SPAWN_RATE)
