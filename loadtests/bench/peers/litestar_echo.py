"""A bare Litestar handler: the body is read and checked, the answer is always the same."""

from litestar import Litestar, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_202_ACCEPTED

from loadtests.bench.peers.wire import PATH, Answer, Form, answer


def create_app() -> Litestar:
    given = answer()

    @post(PATH, status_code=HTTP_202_ACCEPTED)
    async def echo(programme: FromPath[str], data: Form) -> Answer:  # noqa: ARG001 - read and checked.
        return given

    return Litestar([echo], logging_config=None, openapi_config=None)
