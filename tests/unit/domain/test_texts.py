from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.texts import Language, TextsError, load_texts, pick_language, sms_segments

REST = '\n[fault]\nshort = "S"\n'
PLAIN = "kk.toml: sms.code: a placeholder is a plain name"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language in Language:
        (tmp_path / f"{language}.toml").write_text(
            f'[sms]\ncode = "{language} {{code}}"\n[fault]\nshort = "S"\n'
        )
    return tmp_path


def test_a_text_is_found_by_language_and_key_and_filled(folder: Path) -> None:
    texts = load_texts(folder)

    assert texts.get(Language.RU, "sms.code", code="123456") == "ru 123456"
    assert texts.get("kk", "sms.code", code="{code}") == "kk {code}"
    assert texts.keys() == {"sms.code", "fault.short"}


def test_a_text_without_its_value_is_an_error(folder: Path) -> None:
    with pytest.raises(KeyError):
        load_texts(folder).get(Language.KK, "sms.code")


def test_a_field_may_have_its_own_text_for_a_fault(folder: Path) -> None:
    for language in Language:
        with (folder / f"{language}.toml").open("a") as file:
            file.write('[fault.iin]\nshort = "IIN"\n')
    texts = load_texts(folder)

    assert texts.fault(Language.KK, "iin", "short") == "IIN"
    assert texts.fault(Language.KK, "iban", "short") == "S"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("ru", '[sms]\ncode = "{code}"', "ru.toml: fault.short: is missing"),
        (
            "ru",
            '[sms]\ncode = "{code}"\nmore = "x"' + REST,
            "ru.toml: sms.more: is not in kk.toml",
        ),
        (
            "en",
            '[sms]\ncode = "x"' + REST,
            "en.toml: sms.code: has other placeholders than kk.toml",
        ),
        ("en", "[sms]\ncode = 7", "en.toml: sms.code: must be a text that is not empty"),
        ("en", '[sms]\ncode = " "', "en.toml: sms.code: must be a text that is not empty"),
        ("en", "[sms", "en.toml: is not TOML"),
        ("kk", '[sms]\ncode = "{"' + REST, "kk.toml: sms.code: "),
        (
            "kk",
            '[sms]\ncode = "{0}"' + REST,
            PLAIN,
        ),
        (
            "kk",
            '[sms]\ncode = "{}"' + REST,
            PLAIN,
        ),
        (
            "kk",
            '[sms]\ncode = "{a.b}"' + REST,
            PLAIN,
        ),
        (
            "kk",
            '[sms]\ncode = "{a!r}"' + REST,
            PLAIN,
        ),
        (
            "kk",
            '[sms]\ncode = "{a:>{b}}"' + REST,
            PLAIN,
        ),
    ],
)
def test_wrong_texts_are_named_with_key_and_reason(folder: Path, file: str, text: str, expected: str) -> None:
    (folder / f"{file}.toml").write_text(text)
    if file == "kk":
        for other in ("ru", "en"):
            (folder / f"{other}.toml").write_text(text)

    with pytest.raises(TextsError) as error:
        load_texts(folder)

    assert str(error.value).startswith(f"{folder}/{expected}")
    assert "\n" not in str(error.value)


def test_a_missing_language_is_named(folder: Path) -> None:
    (folder / "ru.toml").unlink()

    with pytest.raises(TextsError, match=r"ru\.toml: cannot be read"):
        load_texts(folder)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, Language.KK),
        ("", Language.KK),
        ("ru", Language.RU),
        ("RU-kz", Language.RU),
        ("en-US,en;q=0.9", Language.EN),
        ("ru;q=0.5, en;q=0.8", Language.EN),
        ("de, en;q=0.3", Language.EN),
        ("de", Language.KK),
        ("*", Language.KK),
        ("*;q=0.9, ru", Language.RU),
        ("ru;q=0", Language.KK),
        ("ru;q=0.0, en;q=0.001", Language.EN),
        ("ru, en", Language.RU),
        (" ru ; q=0.7 , kk ; q=0.2", Language.RU),
        ("ru;q=2, en;q=0.1", Language.EN),
        ("ru;q=nan, en;q=0.1", Language.EN),
        ("ru;q=1e9, en;q=0.1", Language.EN),
        ("rus", Language.KK),
        (f"{'x,' * 5_000}ru", Language.KK),
    ],
)
def test_the_language_is_the_best_of_three_and_otherwise_kazakh(
    header: str | None, language: Language
) -> None:
    assert pick_language(header) is language


@given(st.one_of(st.text(), st.text(alphabet="kruen;=q0.1,*- ", max_size=60)))
def test_no_header_is_too_odd_for_a_language(header: str) -> None:
    assert isinstance(pick_language(header), Language)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ә" * 70, 1),
        ("ә" * 71, 2),
        ("ә" * 134, 2),
        ("ә" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("a" * 159 + "ә", 3),
    ],
)
def test_segments_are_counted_as_providers_count_them(text: str, segments: int) -> None:
    assert sms_segments(text) == segments
