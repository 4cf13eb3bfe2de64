import pytest

from config.settings import CONFIG_DIR
from gateway.domain.application import FaultCode, WarningCode
from gateway.domain.identifiers import IdentifierFault
from gateway.domain.texts import Language, load_texts, sms_segments
from gateway.operators.problems import Problem

TEXTS = load_texts(CONFIG_DIR / "messages")

# The closed set of problem codes, design §4.
PROBLEMS = {
    "malformed",
    "not_found",
    "method_not_allowed",
    "not_acceptable",
    "request_timeout",
    "already_applied",
    "wrong_state",
    "ticket_not_called",
    "code_expired",
    "ticket_missed",
    "too_large",
    "unsupported_media_type",
    "invalid_application",
    "category_closed",
    "idempotency_conflict",
    "ticket_invalid",
    "code_wrong",
    "rate_limited",
    "code_locked",
    "headers_too_large",
    "internal",
    "full",
    "programme_closed",
    "store_unavailable",
}
FAULTS = {*map(str, FaultCode), *map(str, IdentifierFault)}
FIELDS = {"iin", "employer", "iban", "phone"}
SMS = ["code", "assigned", "denied", "refused"]
NUMBER = "42500-2026-0000001"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_problem_has_a_title_and_a_detail(language: Language, code: str) -> None:
    assert TEXTS.get(language, f"problem.{code}.title")
    assert TEXTS.get(language, f"problem.{code}.detail")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", sorted(FAULTS))
def test_every_fault_has_its_text(language: Language, code: str) -> None:
    assert TEXTS.fault(language, "iin", code)
    assert TEXTS.get(language, f"fault.{code}")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", WarningCode)
def test_every_warning_has_its_text(language: Language, code: str) -> None:
    assert TEXTS.get(language, f"warning.{code}")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", SMS)
def test_every_sms_fits_into_one_segment(language: Language, key: str) -> None:
    values = {"code": "123456"} if key == "code" else {"number": NUMBER}
    text = TEXTS.get(language, f"sms.{key}", **values)

    assert sms_segments(text) == 1
    assert all(value in text for value in values.values())


def test_no_text_is_left_that_nothing_asks_for() -> None:
    problems = {f"problem.{code}.{part}" for code in PROBLEMS for part in ("title", "detail")}
    faults = {f"fault.{code}" for code in FAULTS}
    own = {f"fault.{field}.{code}" for field in FIELDS for code in FAULTS}
    # Who confirms has no place in the line to be told of.
    problems.add("problem.full.confirming")
    # Whose phone the first one confirmed is not known yet.
    problems.add("problem.already_applied.asking")
    # Nor has a newcomer whom the process could not even hear.
    problems.add("problem.full.crowded")
    operators = {f"operators.{problem}.{part}" for problem in Problem for part in ("title", "detail")}
    others = operators | {f"warning.{code}" for code in WarningCode} | {f"sms.{key}" for key in SMS}

    assert problems | faults | others <= TEXTS.keys() <= problems | faults | others | own


@pytest.mark.parametrize("key", sorted(TEXTS.keys()))
def test_kazakh_is_no_copy_of_russian(key: str) -> None:
    assert TEXTS.messages[Language.KK][key] != TEXTS.messages[Language.RU][key]
