"""`GET /health/live`: the process answers. `GET /health/ready`: it can admit, shown by the real function."""

from litestar import Response, get

from gateway.http.documents import described
from gateway.http.refusals import ProblemCode
from gateway.http.request import AnyRequest, services_of
from gateway.http.wire import Health


@get("/live", **described(None))
async def show_live() -> Response[Health]:
    return Response(Health("live"))


@get("/ready", **described(None, ProblemCode.STORE_UNAVAILABLE))
async def show_ready(request: AnyRequest) -> Response[Health]:
    await services_of(request).readiness.check()
    return Response(Health("ready"))
