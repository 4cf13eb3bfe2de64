"""All routes of the public process, and the Litestar application around them."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from gateway.http.accepting import guard_accept
from gateway.http.applications import submit, submit_application
from gateway.http.confirmation import confirm_phone
from gateway.http.decisions import take_decision
from gateway.http.documents import openapi_config
from gateway.http.edge import Edge
from gateway.http.express import Express, Timetable
from gateway.http.health import show_live, show_ready
from gateway.http.phone import take_phone
from gateway.http.precheck import precheck_application
from gateway.http.problems import HANDLERS
from gateway.http.programmes import show_programme
from gateway.http.receipts import replace_lost_receipt
from gateway.http.services import Services
from gateway.http.status import show_application
from gateway.http.waiting_room import poll, show_place

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


class Application(Litestar):
    """The framework's application, with the edge around all of it."""

    edge: Edge

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]
        if scope["type"] == ScopeType.HTTP:
            return self.edge(scope, receive, send)
        return super().__call__(scope, receive, send)


def build_application(services: Services, lifespan: list[Lifespan]) -> Application:
    app = Application(
        route_handlers=[
            Router(
                "/v1",
                route_handlers=[
                    show_programme,
                    precheck_application,
                    submit_application,
                    show_place,
                    take_phone,
                    confirm_phone,
                    show_application,
                    replace_lost_receipt,
                    take_decision,
                ],
                guards=[guard_accept],
            ),
            Router("/health", route_handlers=[show_live, show_ready], guards=[guard_accept]),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
        logging_config=None,
        openapi_config=openapi_config(),
        state=State({"services": services}),
    )
    app.edge = Edge(partial(Litestar.__call__, app), services, _timetable(services))
    return app


def _timetable(services: Services) -> Timetable:
    template = "/v1/programmes/{programme}/applications"
    submissions = {
        ("POST", template.format(programme=code)): Express(template, partial(submit, code))
        for code in services.intakes
    }
    return {**submissions, ("GET", "/v1/waiting-room"): Express("/v1/waiting-room", poll)}
