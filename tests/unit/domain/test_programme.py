from pathlib import Path

import pytest

from gateway.domain.programme import (
    Check,
    Employer,
    EmployerKind,
    Leases,
    Programme,
    ProgrammeError,
    Terms,
    load_programmes,
)


def test_42500_takes_25_000_at_a_time_and_decides_in_3_working_days(p42500: Programme) -> None:
    assert p42500.slots == 25_000
    assert p42500.terms.working_days == 3
    assert p42500.candidates == 5


def test_five_of_its_six_categories_are_open(p42500: Programme) -> None:
    assert {name: category.open for name, category in p42500.categories.items()} == {
        "business_employee": True,
        "entrepreneur": True,
        "private_practice": True,
        "single_aggregate_payer": False,
        "contractor": True,
        "quarantine_employee": True,
    }


def test_only_payers_of_the_single_aggregate_payment_are_not_verified(p42500: Programme) -> None:
    checks = {name: category.checks for name, category in p42500.categories.items()}

    assert checks.pop("single_aggregate_payer") == (Check.MOBILE_CITIZENS,)
    assert set(checks.values()) == {(Check.MOBILE_CITIZENS, Check.LABOUR_MARKET)}
    assert p42500.checks_phones


@pytest.mark.parametrize(
    ("name", "employer", "kinds"),
    [
        ("business_employee", Employer.REQUIRED, (EmployerKind.BIN, EmployerKind.IIN)),
        ("entrepreneur", Employer.NONE, ()),
        ("private_practice", Employer.NONE, ()),
        ("single_aggregate_payer", Employer.NONE, ()),
        ("contractor", Employer.OPTIONAL, (EmployerKind.BIN, EmployerKind.IIN)),
        ("quarantine_employee", Employer.REQUIRED, (EmployerKind.BIN,)),
    ],
)
def test_each_category_says_what_it_must_give(
    p42500: Programme, name: str, employer: Employer, kinds: tuple[EmployerKind, ...]
) -> None:
    category = p42500.category(name)

    assert category is not None
    assert (category.employer, category.employer_kinds) == (employer, kinds)
    assert ("employer" in category.required_fields) is (employer is Employer.REQUIRED)
    assert {"iin", "full_name", "iban"} <= set(category.required_fields)


def test_a_category_that_does_not_exist_is_none(p42500: Programme) -> None:
    assert p42500.category("millionaire") is None


def test_a_second_programme_is_data_with_the_usual_rules(tiny_file: Path) -> None:
    tiny = load_programmes(tiny_file.parent)["tiny"]

    assert tiny.slots == 3
    assert (tiny.candidates, tiny.leases, tiny.terms) == (5, Leases(180, 600, 100), Terms())
    assert (tiny.phone.tries, tiny.phone.changes, tiny.phone.persons_per_phone) == (5, 2, 3)
    assert (tiny.phone.resend_after_seconds, tiny.limits.phone.count) == (60, 5)


TITLES = "must be given in kk, ru and en, and in no other language"
KINDS = "names kinds (bin, iin) exactly when employer is required or optional"
CODE = "must be 1 to 16 small Latin letters and digits"
PREFIX = r"Expected `str` matching regex '^7[0-9]{2}\\Z'"
CATEGORY = "a name is small Latin letters, digits and _, at most 40"

# What is replaced in the file, by what, and what the one line must say after the file's name.
WRONG_FILES = [
    ('code = "tiny"', "", "the file: Object missing required field `code`"),
    ('code = "tiny"', 'code = "large"', "code: must equal the file's name, tiny"),
    ('code = "tiny"', 'code = "Tiny"', f"code: {CODE}"),
    ('code = "tiny"', 'code = ""', f"code: {CODE}"),
    ('code = "tiny"', 'code = "tiny\\n"', f"code: {CODE}"),
    ('code = "tiny"', "code = 7", "code: Expected `str`, got `int`"),
    ("slots = 3", "", "the file: Object missing required field `slots`"),
    ("slots = 3", "slots = 0", "slots: Expected `int` >= 1"),
    ("slots = 3", "slots = 1_000_001", "slots: Expected `int` <= 1000000"),
    ("slots = 3", 'slots = "3"', "slots: Expected `int`, got `str`"),
    ("slots = 3", "slots = true", "slots: Expected `int`, got `bool`"),
    ("slots = 3", "slots =", "is not TOML: Invalid value (at line 2, column 8)"),
    ("slots = 3", "slots = 3\nslot = 3", "the file: Object contains unknown field `slot`"),
    ("slots = 3", "slots = 3\ncandidates = 0", "candidates: Expected `int` >= 1"),
    ("slots = 3", "slots = 3\ncandidates = 101", "candidates: Expected `int` <= 100"),
    ('en = "Tiny"', "", f"titles: {TITLES}"),
    ('en = "Tiny"', 'en = "Tiny"\nde = "Winzig"', f"titles: {TITLES}"),
    ('en = "Tiny"', 'en = " "', "titles.en: is empty"),
    ('"701"', "", "phone.prefixes: Expected `array` of length >= 1"),
    ('"701"', '"701", "701"', "phone.prefixes: a prefix stands there twice"),
    ('"701"', '"+7701"', f"phone.prefixes[0]: {PREFIX}"),
    ('"701"', '"916"', f"phone.prefixes[0]: {PREFIX}"),
    ("[phone]", "[call]", "the file: Object contains unknown field `call`"),
    ("open = true", "", "categories.anyone: Object missing required field `open`"),
    ("open = true", 'open = "yes"', "categories.anyone.open: Expected `bool`, got `str`"),
    ("open = true", "open = true\nshut = 1", "categories.anyone: Object contains unknown field `shut`"),
    ("open = true", 'open = true\nemployer = "x"', "categories.anyone.employer: Invalid enum value 'x'"),
    ("open = true", 'open = true\nemployer = "required"', f"categories.anyone.employer_kinds: {KINDS}"),
    ("open = true", 'open = true\nemployer_kinds = ["bin"]', f"categories.anyone.employer_kinds: {KINDS}"),
    ("open = true", 'open = true\nemployer_kinds = ["x"]', "categories.anyone.employer_kinds[0]: Invalid"),
    ("open = true", 'open = true\nchecks = ["x"]', "categories.anyone.checks[0]: Invalid enum value 'x'"),
    ('en = "Anyone"', "", f"categories.anyone.titles: {TITLES}"),
    ('en = "Anyone"', 'en = ""', "categories.anyone.titles.en: is empty"),
    ("[categories.anyone", "[categories.Anyone", f"categories: {CATEGORY}"),
    ("[categories.anyone", "[category.anyone", "categories: at least one [categories.<name>] is needed"),
]
# A line put into a table, and what is said about it.
WRONG_RULES = [
    ("leases", "before_phone_seconds = 0", ".before_phone_seconds: Expected `int` >= 1"),
    ("leases", "after_code_seconds = 86401", ".after_code_seconds: Expected `int` <= 86400"),
    ("leases", "unconfirmed_share_percent = 101", ".unconfirmed_share_percent: Expected `int` <= 100"),
    ("leases", "weeks = 1", ": Object contains unknown field `weeks`"),
    ("phone", "tries = 0", ".tries: Expected `int` >= 1"),
    ("phone", "resend_after_seconds = 0", ".resend_after_seconds: Expected `int` >= 1"),
    ("limits.phone", "count = 0\nwindow_seconds = 1", ".count: Expected `int` >= 1"),
    ("phone", "changes = -1", ".changes: Expected `int` >= 0"),
    ("phone", "persons_per_phone = 0", ".persons_per_phone: Expected `int` >= 1"),
    ("phone", "weeks = 1", ": Object contains unknown field `weeks`"),
    ("terms", "working_days = 0", ".working_days: Expected `int` >= 1"),
    ("terms", "park_after_seconds = 0", ".park_after_seconds: Expected `int` >= 1"),
    ("terms", "parked_limit = 0", ".parked_limit: Expected `int` >= 1"),
    ("terms", "unknown_retry_seconds = 0", ".unknown_retry_seconds: Expected `int` >= 1"),
    ("terms", "erase_after_days = 0", ".erase_after_days: Expected `int` >= 1"),
    ("terms", 'working_days = "3"', ".working_days: Expected `int`, got `str`"),
    ("terms", "weeks = 1", ": Object contains unknown field `weeks`"),
]


def refusal(directory: Path) -> str:
    with pytest.raises(ProgrammeError) as error:
        load_programmes(directory)
    line = str(error.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(("old", "new", "expected"), WRONG_FILES)
def test_a_wrong_file_is_named_with_key_and_reason(
    tiny_file: Path, old: str, new: str, expected: str
) -> None:
    text = tiny_file.read_text()
    assert old in text
    tiny_file.write_text(text.replace(old, new))

    assert refusal(tiny_file.parent).startswith(f"{tiny_file}: {expected}")


@pytest.mark.parametrize(("table", "line", "expected"), WRONG_RULES)
def test_a_wrong_rule_is_named_with_key_and_reason(
    tiny_file: Path, table: str, line: str, expected: str
) -> None:
    text = tiny_file.read_text()
    heading = f"[{table}]\n"
    text = text.replace(heading, heading + line + "\n") if heading in text else f"{text}\n{heading}{line}\n"
    tiny_file.write_text(text)

    assert refusal(tiny_file.parent) == f"{tiny_file}: {table}{expected}"


def test_whose_phones_are_is_asked_in_all_categories_or_in_none(tiny_file: Path) -> None:
    another = '[categories.another]\nopen = true\nchecks = ["mobile_citizens"]\n'
    titles = '[categories.another.titles]\nkk = "a"\nru = "a"\nen = "a"\n'
    tiny_file.write_text(tiny_file.read_text() + another + titles)

    assert refusal(tiny_file.parent).startswith(f"{tiny_file}: categories: mobile_citizens is checked in all")


def test_a_file_that_is_not_utf8_is_named(tiny_file: Path) -> None:
    tiny_file.write_bytes(b"\xff")

    with pytest.raises(ProgrammeError, match=r"tiny\.toml: cannot be read"):
        load_programmes(tiny_file.parent)


def test_a_folder_without_programmes_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgrammeError, match="holds no programme"):
        load_programmes(tmp_path)
