"""The form an applicant fills in: read, checked, and what is unusual about it told."""

from gateway.domain.application import Application, check_application, read_application, warnings_of
from gateway.http.bodies import decode_object, read_body
from gateway.http.refusals import InvalidFields, ProblemCode, Refusal
from gateway.http.request import Exchange, language_of, services_of
from gateway.http.services import Intake
from gateway.http.wire import Warned

# An application that names no language is answered in that of the request, which is no part of the form.
NO_LANGUAGE = ""


async def read_submission(exchange: Exchange, intake: Intake) -> Application:
    """Return a valid application of an open category, its language as the form has it; raises Refusal."""
    services = services_of(exchange)
    body = await read_body(exchange, services.body_limits)
    application = read_application(body, intake.programme, NO_LANGUAGE)
    if application is None:
        application = check_application(decode_object(body), intake.programme, NO_LANGUAGE)
    if isinstance(application, list):
        raise InvalidFields(application)
    category = intake.programme.category(application.category)
    if category is None or not category.open:
        raise Refusal(ProblemCode.CATEGORY_CLOSED)
    return application


def warn(exchange: Exchange, application: Application) -> tuple[Warned, ...]:
    codes = warnings_of(application)
    if not codes:
        return ()
    texts, language = services_of(exchange).texts, language_of(exchange)
    return tuple(Warned(code, texts.get(language, f"warning.{code}")) for code in codes)
