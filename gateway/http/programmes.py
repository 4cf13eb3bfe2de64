"""`GET /v1/programmes/{programme}`: what is paid, who may apply, and how busy it is."""

from litestar import Response, get
from litestar.params import FromPath

from gateway.domain.controls import Mode
from gateway.domain.texts import Language
from gateway.http.documents import described
from gateway.http.eta import estimate, reserved
from gateway.http.refusals import ProblemCode
from gateway.http.request import AnyRequest, language_of, services_of
from gateway.http.services import Intake
from gateway.http.wire import CategoryFacts, ProgrammeFacts
from gateway.inflight.status import Summary

# Fresh figures come once a second, so nobody between us and the reader should keep them longer.
_HEADERS = {"Cache-Control": "public, max-age=1", "Vary": "Accept-Language"}


@get("/programmes/{programme:str}", **described(None, ProblemCode.NOT_FOUND, ProblemCode.STORE_UNAVAILABLE))
async def show_programme(request: AnyRequest, programme: FromPath[str]) -> Response[ProgrammeFacts]:
    intake = services_of(request).intake(programme)
    language = language_of(request)
    return Response(_facts(intake, language), headers={**_HEADERS, "Content-Language": language})


def _facts(intake: Intake, language: Language) -> ProgrammeFacts:
    programme, summary = intake.programme, intake.summaries.current()
    eta = estimate(_newcomers_position(summary), intake.summaries.speed)
    return ProgrammeFacts(
        programme=programme.code,
        title=programme.titles[language],
        titles=programme.titles,
        categories=tuple(
            CategoryFacts(
                name, category.titles[language], category.titles, category.open, category.required_fields
            )
            for name, category in programme.categories.items()
        ),
        mode=summary.mode,
        limit=summary.limit,
        in_process=summary.live,
        waiting=summary.waiting,
        eta_seconds=eta.seconds,
        eta_p90_seconds=eta.p90_seconds,
        message=intake.summaries.message(language),
    )


def _newcomers_position(summary: Summary) -> int:
    taken = summary.live + reserved(summary.line) + reserved(summary.front_row)
    may_enter = summary.mode is Mode.OPEN and summary.waiting == 0 and taken < summary.limit
    return 0 if may_enter else summary.waiting + 1
