"""`python -m loadtests.bench.peers.uncounted`: our gateway, counting nothing, to see what counting costs."""

from typing import Any

from granian.server.mp import MPServer

from gateway import __main__ as server
from gateway.app import app_from_environment as counted
from gateway.counting import Count, Spread
from gateway.http.routes import Application


def app_from_environment() -> Application:
    Count.add = _add_nothing  # type: ignore[assignment, method-assign]  # That is the point.
    Spread.add = _add_nothing  # type: ignore[assignment, method-assign]  # That is the point.
    return counted()


def _add_nothing(_: object, __: float = 1) -> None:
    pass


class _Server(MPServer):
    def __init__(self, _: str, **settings: Any) -> None:
        super().__init__("loadtests.bench.peers.uncounted:app_from_environment", **settings)


if __name__ == "__main__":
    vars(server)["MPServer"] = _Server
    server.main()
