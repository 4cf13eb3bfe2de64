"""Texts for people, in three languages; Kazakh, the language of the state, is the default."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from msgspec import Struct

from gateway.domain.tables import read_table


class Language(StrEnum):
    KK = "kk"
    RU = "ru"
    EN = "en"


DEFAULT_LANGUAGE = Language.KK
LANGUAGES = frozenset(map(str, Language))

# A browser sends a few dozen characters; what is beyond is read by nobody.
MAX_HEADER = 1_000

# Browsers send few different lines; what is beyond was made up.
_MOST_KNOWN = 1_024

_QUALITY = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")

# GSM 03.38: characters that a 7-bit message carries, and those of them that take two places.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
GSM_SINGLE, GSM_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 70, 67


class TextsError(ValueError):
    """Names the file, the key and the reason in one line."""


# Compared by identity, which makes it a key of caches.
class Texts(Struct, frozen=True, eq=False):
    messages: dict[Language, dict[str, str]]

    def get(self, language: Language | str, key: str, **values: object) -> str:
        """Return the text of a key such as `problem.full.title`; `values` fill its placeholders."""
        return self.messages[Language(language)][key].format_map(values)

    def fault(self, language: Language | str, field: str, code: str) -> str:
        """Return what is wrong with a field: the field's own text for the code where there is one."""
        own = f"fault.{field}.{code}"
        return self.get(language, own if own in self.messages[Language(language)] else f"fault.{code}")

    def keys(self) -> frozenset[str]:
        return frozenset(self.messages[DEFAULT_LANGUAGE])


def load_texts(directory: Path) -> Texts:
    """Read kk.toml, ru.toml and en.toml, which have the same keys and placeholders. Raises TextsError."""
    messages = {language: _load(directory / f"{language}.toml") for language in Language}
    model = messages[DEFAULT_LANGUAGE]
    for language, texts in messages.items():
        path = directory / f"{language}.toml"
        for key in sorted(model.keys() ^ texts.keys()):
            verb = "is missing" if key in model else f"is not in {DEFAULT_LANGUAGE}.toml"
            raise TextsError(f"{path}: {key}: {verb}")
        for key, text in texts.items():
            if _placeholders(path, key, text) != _placeholders(path, key, model[key]):
                raise TextsError(f"{path}: {key}: has other placeholders than {DEFAULT_LANGUAGE}.toml")
    return Texts(messages)


@lru_cache(_MOST_KNOWN)
def pick_language(accept_language: str | None) -> Language:
    """Choose by quality among kk, ru and en; whatever cannot be read or served becomes Kazakh."""
    best, best_quality = DEFAULT_LANGUAGE, 0.0
    for item in (accept_language or "")[:MAX_HEADER].split(","):
        tag, *parameters = (part.strip().lower() for part in item.split(";"))
        primary = tag.partition("-")[0]
        language = DEFAULT_LANGUAGE if primary == "*" else primary
        quality = _quality(parameters)
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = Language(language), quality
    return best


def sms_segments(text: str) -> int:
    """Count the parts that a provider sends and charges for."""
    if all(character in _GSM or character in _GSM_EXTENSION for character in text):
        length = len(text) + sum(character in _GSM_EXTENSION for character in text)
        single, part = GSM_SINGLE, GSM_PART
    else:
        length = len(text.encode("utf-16-le")) // 2
        single, part = UCS2_SINGLE, UCS2_PART
    return 1 if length <= single else -(-length // part)


def _quality(parameters: list[str]) -> float:
    if not parameters:
        return 1.0
    match = _QUALITY.fullmatch(parameters[0])
    return float(match[1]) if match else 0.0


def _load(path: Path) -> dict[str, str]:
    texts = dict(_flatten("", read_table(path, TextsError)))
    for key, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise TextsError(f"{path}: {key}: must be a text that is not empty")
    return texts


def _flatten(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value


def _placeholders(path: Path, key: str, text: str) -> set[str]:
    # Only plain `{name}` is a placeholder: an index, attribute or format would surprise whoever translates.
    try:
        fields = [field for field in Formatter().parse(text) if field[1] is not None]
    except ValueError as reason:
        raise TextsError(f"{path}: {key}: {reason}") from reason
    names = {name for _, name, form, conversion in fields if name and not form and not conversion}
    if len(names) < len({field[1:] for field in fields}) or not all(map(str.isidentifier, names)):
        raise TextsError(f"{path}: {key}: a placeholder is a plain name such as {{number}}")
    return names
