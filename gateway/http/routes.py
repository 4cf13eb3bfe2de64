"""All routes of the public process, and the Litestar application around them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from litestar import Litestar, Router
from litestar.datastructures import State

from gateway.http.accepting import check_accepts_json
from gateway.http.applications import submit_application
from gateway.http.confirmation import confirm_phone
from gateway.http.decisions import take_decision
from gateway.http.documents import openapi_config
from gateway.http.edge import Edge
from gateway.http.health import show_live, show_ready
from gateway.http.phone import take_phone
from gateway.http.precheck import precheck_application
from gateway.http.problems import HANDLERS
from gateway.http.programmes import show_programme
from gateway.http.receipts import replace_lost_receipt
from gateway.http.services import Services
from gateway.http.status import show_application
from gateway.http.waiting_room import show_place

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def build_application(services: Services, lifespan: list[Lifespan]) -> Litestar:
    app = Litestar(
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
                guards=[check_accepts_json],
            ),
            Router("/health", route_handlers=[show_live, show_ready], guards=[check_accepts_json]),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
        logging_config=None,
        openapi_config=openapi_config(),
        state=State({"services": services}),
    )
    app.asgi_handler = Edge(app.asgi_handler, services.texts)
    return app
