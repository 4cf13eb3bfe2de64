import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.application import (
    Application,
    FieldFault,
    check_application,
    read_application,
    warnings_of,
)
from gateway.domain.programme import Programme

IIN, BIN, IBAN = "900101390012", "240140990014", "KZ86125KZT5004100100"
FORM: dict[str, Any] = {
    "category": "business_employee",
    "iin": IIN,
    "employer": BIN,
    "full_name": "Асқар Әбілұлы",
    "iban": IBAN,
    "email": "askar@example.kz",
    "language": "kk",
}
WHOLE = Application("business_employee", IIN, BIN, "Асқар Әбілұлы", IBAN, "askar@example.kz", "kk")
REMOVED = object()


def form(**changes: object) -> dict[str, Any]:
    return {name: value for name, value in {**FORM, **changes}.items() if value is not REMOVED}


def checked(programme: Programme, fields: dict[str, Any]) -> Application:
    application = check_application(fields, programme, "ru")
    assert isinstance(application, Application), application
    return application


def faults(programme: Programme, fields: dict[str, Any]) -> set[tuple[str, str]]:
    found = check_application(fields, programme, "ru")
    assert isinstance(found, list)
    assert found
    return {(fault.field, fault.code) for fault in found}


def test_a_whole_application_is_taken(p42500: Programme) -> None:
    assert checked(p42500, FORM) == WHOLE


def test_a_checked_application_can_be_written_down_and_read_again(p42500: Programme) -> None:
    application = checked(p42500, FORM)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(application), type=Application) == application


def test_a_repr_names_nobody(p42500: Programme) -> None:
    assert repr(checked(p42500, FORM)) == "Application(category='business_employee')"


@pytest.mark.parametrize("nothing", [REMOVED, None, "", "  "])
def test_email_and_language_may_be_left_out(p42500: Programme, nothing: object) -> None:
    application = checked(p42500, form(email=nothing, language=nothing))

    assert application.email is None
    assert application.language == "ru"


@pytest.mark.parametrize("nothing", [REMOVED, None, "", "\n"])
@pytest.mark.parametrize("field", ["category", "iin", "full_name", "iban", "employer"])
def test_a_field_that_is_needed_and_missing_is_named(p42500: Programme, field: str, nothing: object) -> None:
    assert faults(p42500, form(**{field: nothing})) == {(field, "required")}


@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, [IIN]])
@pytest.mark.parametrize("field", list(FORM))
def test_a_field_of_another_type_is_named(p42500: Programme, field: str, value: object) -> None:
    assert faults(p42500, form(**{field: value})) == {(field, "wrong_type")}


def test_everything_wrong_is_told_at_once(p42500: Programme) -> None:
    wrong = form(
        iin="900101390013", employer="x", full_name="7", iban="KZ", email="a", language="de", admin=True
    )

    assert faults(p42500, wrong) == {
        ("iin", "wrong_check_digit"),
        ("employer", "not_digits"),
        ("full_name", "no_letters"),
        ("iban", "wrong_length"),
        ("email", "wrong_email"),
        ("language", "unknown_language"),
        ("*", "unknown_field"),
    }


def test_an_unknown_field_is_never_repeated(p42500: Programme) -> None:
    found = check_application(form(**{IIN: IIN, "x": 1}), p42500, "kk")

    assert found == [FieldFault("*", "unknown_field")]


def test_an_empty_object_misses_what_every_category_needs(p42500: Programme) -> None:
    assert {field for field, _ in faults(p42500, {})} == {"category", "iin", "full_name", "iban"}


def test_a_category_that_does_not_exist_is_a_fault_and_a_closed_one_is_not(p42500: Programme) -> None:
    assert faults(p42500, form(category="millionaire")) == {("category", "unknown_category")}
    assert checked(p42500, form(category="single_aggregate_payer")).category == "single_aggregate_payer"


@pytest.mark.parametrize(
    ("category", "employer", "fault"),
    [
        ("business_employee", IIN, None),
        ("business_employee", "240140990015", "wrong_check_digit"),
        ("business_employee", "24014099001", "wrong_length"),
        ("quarantine_employee", BIN, None),
        ("quarantine_employee", IIN, "wrong_structure"),
        ("quarantine_employee", REMOVED, "required"),
        ("contractor", BIN, None),
        ("contractor", IIN, None),
        ("contractor", REMOVED, None),
        ("contractor", "24014099001X", "not_digits"),
    ],
)
def test_the_employer_is_what_the_category_asks_for(
    p42500: Programme, category: str, employer: object, fault: str | None
) -> None:
    fields = form(category=category, employer=employer)

    if fault:
        assert faults(p42500, fields) == {("employer", fault)}
    else:
        assert checked(p42500, fields).employer == fields.get("employer")


@pytest.mark.parametrize("employer", [BIN, "nobody", "x" * 10_000])
@pytest.mark.parametrize("category", ["entrepreneur", "private_practice", "single_aggregate_payer"])
def test_an_employer_that_no_step_needs_is_not_kept(p42500: Programme, category: str, employer: str) -> None:
    assert checked(p42500, form(category=category, employer=employer)).employer is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("  Асқар Әбілұлы ", "Асқар Әбілұлы"),
        ("Ли", "Ли"),
        ("Асқар\u00a0Әбілұлы", "Асқар Әбілұлы"),
        ("Аи\u0306дар", "Айдар"),
        ("O'Neil-Смит", "O'Neil-Смит"),
        ("я" * 200, "я" * 200),
    ],
)
def test_a_name_is_kept_as_it_is_written(p42500: Programme, name: str, kept: str) -> None:
    assert checked(p42500, form(full_name=name)).full_name == kept


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Я", "too_short"),
        ("я" * 201, "too_long"),
        ("12 345", "no_letters"),
        ("Асқар\0", "control_characters"),
        ("Асқар\n", "control_characters"),
        ("Асқар\u202eӘбіл", "control_characters"),
        ("Асқар\u200b", "control_characters"),
        ("Асқар\ud800", "control_characters"),
        ("\ufeffАсқар", "control_characters"),
    ],
)
def test_what_is_no_name_is_refused(p42500: Programme, name: str, code: str) -> None:
    assert faults(p42500, form(full_name=name)) == {("full_name", code)}


@pytest.mark.parametrize("email", ["a@b.kz", "a.b+c@mail.example.com", "қ@пошта.қаз", f"{'a' * 64}@b.kz"])
def test_an_email_address_is_taken(p42500: Programme, email: str) -> None:
    assert checked(p42500, form(email=f" {email} ")).email == email


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("a", "wrong_email"),
        ("a@b", "wrong_email"),
        ("a@b.", "wrong_email"),
        ("a@.kz", "wrong_email"),
        ("a@b..kz", "wrong_email"),
        ("a@@b.kz", "wrong_email"),
        ("a b@c.kz", "wrong_email"),
        ("@b.kz", "wrong_email"),
        (f"{'a' * 65}@b.kz", "wrong_email"),
        (f"a@{'b' * 250}.kz", "too_long"),
        ("a@b.kz\r\nBcc: c@d.kz", "control_characters"),
        ("a@b.kz\0", "control_characters"),
        ("a@b.kz\udfff", "control_characters"),
    ],
)
def test_what_is_no_email_address_is_refused(p42500: Programme, email: str, code: str) -> None:
    assert faults(p42500, form(email=email)) == {("email", code)}


def test_an_iin_without_a_birth_date_brings_a_warning(p42500: Programme) -> None:
    assert warnings_of(checked(p42500, FORM)) == ()
    assert warnings_of(checked(p42500, form(iin="901301390012"))) == ("iin_without_birth_date",)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_usual_body_is_read_in_one_decode(p42500: Programme, *, ascii_only: bool) -> None:
    body = json.dumps(FORM, ensure_ascii=ascii_only).encode()

    assert read_application(body, p42500, "kk") == WHOLE


def test_a_usual_body_may_leave_out_or_null_what_is_not_needed(p42500: Programme) -> None:
    body = json.dumps(form(email=None, language=REMOVED)).encode()

    assert read_application(body, p42500, "en") == checked(p42500, form(email=None, language="en"))


def test_faults_that_need_no_second_look_are_told_from_one_decode(p42500: Programme) -> None:
    assert read_application(json.dumps(form(full_name="7")).encode(), p42500, "kk") == [
        FieldFault("full_name", "no_letters")
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"iin":' + b"[" * 100_000,
        b'{"full_name": "\xff"}',
        json.dumps(form(iin="900101390013")).encode(),
        json.dumps(form(iin=7)).encode(),
        json.dumps(form(admin=True)).encode(),
        json.dumps(form(full_name='Асқар "Әбіл"')).encode(),
        json.dumps(FORM).encode() + b"x",
        json.dumps(FORM).encode()[:-1] + b', "iin": "900101390012"}',
        json.dumps(FORM).encode()[:-1] + b', "email": null}',
        b'{"email": null, ' + json.dumps(FORM).encode()[1:],
        b'{"\\u0069in": "900101390012", ' + json.dumps(FORM).encode()[1:],
    ],
)
def test_an_unusual_body_is_left_to_the_slow_look(p42500: Programme, body: bytes) -> None:
    assert read_application(body, p42500, "kk") is None


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=30), st.sampled_from([*FORM.values(), "\ud800"])
)


@given(fields=st.dictionaries(st.one_of(st.sampled_from(list(FORM)), st.text(max_size=5)), values))
def test_one_decode_and_the_slow_look_agree_on_every_object(
    p42500: Programme, fields: dict[str, object]
) -> None:
    slow = check_application(fields, p42500, "kk")
    fast = read_application(json.dumps(fields).encode(), p42500, "kk")

    assert fast is None or fast == slow
    assert isinstance(slow, Application) or all(fault.field in {*FORM, "*"} for fault in slow)
