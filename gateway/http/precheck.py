"""`POST /v1/programmes/{programme}/precheck`: is the form right? Nothing is kept, and no store is asked."""

from litestar import Response, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK

from gateway.http.documents import ApplicationForm, described
from gateway.http.refusals import ProblemCode
from gateway.http.request import AnyRequest, language_of, services_of
from gateway.http.submission import read_submission, warn
from gateway.http.wire import Checked


@post(
    "/programmes/{programme:str}/precheck",
    status_code=HTTP_200_OK,
    **described(
        ApplicationForm,
        ProblemCode.NOT_FOUND,
        ProblemCode.INVALID_APPLICATION,
        ProblemCode.CATEGORY_CLOSED,
    ),
)
async def precheck_application(request: AnyRequest, programme: FromPath[str]) -> Response[Checked]:
    intake = services_of(request).intake(programme)
    application = await read_submission(request, intake)
    answer = Checked(valid=True, warnings=warn(request, application))
    return Response(answer, headers={"Content-Language": language_of(request)})
