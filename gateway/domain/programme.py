"""A programme is data: a TOML file says who may apply, what each must give and what is checked."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.domain.tables import convert_table, read_table
from gateway.domain.texts import LANGUAGES

_CODE = re.compile(r"[a-z0-9]{1,16}")
_CATEGORY = re.compile(r"[a-z][a-z0-9_]{0,39}")

Prefix = Annotated[str, Meta(pattern=r"^7[0-9]{2}\Z")]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]
Percent = Annotated[int, Meta(ge=1, le=100)]
# Ten million is more than the country has adults; a larger number is a slip of the hand.
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Few = Annotated[int, Meta(ge=1, le=100)]
# The switch for an operator who wants no changes of the number at all.
FewOrNone = Annotated[int, Meta(ge=0, le=100)]
Slots = Annotated[int, Meta(ge=1, le=1_000_000)]
Days = Annotated[int, Meta(ge=1, le=3_650)]


class ProgrammeError(ValueError):
    """Names the file, the key and the reason in one line."""


class Employer(StrEnum):
    """Whether an applicant of a category names an employer or tax agent."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


class EmployerKind(StrEnum):
    BIN = "bin"
    IIN = "iin"


class Check(StrEnum):
    """What a case goes through before it is forwarded."""

    # Whether the confirmed phone is the person's. Asked before all else: until then anybody may be anybody.
    MOBILE_CITIZENS = "mobile_citizens"
    LABOUR_MARKET = "labour_market"


class Category(Struct, frozen=True, forbid_unknown_fields=True):
    titles: dict[str, str]
    open: bool
    employer: Employer = Employer.NONE
    employer_kinds: tuple[EmployerKind, ...] = ()
    checks: tuple[Check, ...] = (Check.LABOUR_MARKET,)

    @property
    def required_fields(self) -> tuple[str, ...]:
        employer = ("employer",) if self.employer is Employer.REQUIRED else ()
        return ("iin", *employer, "full_name", "iban")


class Leases(Struct, frozen=True, forbid_unknown_fields=True):
    """How long an unconfirmed application keeps its slot, and which part of the slots such may take."""

    before_phone_seconds: Seconds = 180
    after_code_seconds: Seconds = 600
    unconfirmed_share_percent: Percent = 100


class PhoneRules(Struct, frozen=True, forbid_unknown_fields=True):
    prefixes: Annotated[tuple[Prefix, ...], Meta(min_length=1)]
    tries: Few = 5
    resend_after_seconds: Seconds = 60
    changes: FewOrNone = 2
    # Families share a phone; more than this is somebody collecting payments of others.
    persons_per_phone: Few = 3


class RateLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """At most `count` at once, and as many again in each window, evenly. In shadow it is counted only."""

    count: Count
    window_seconds: Seconds
    shadow: bool = False


class Conversion(Struct, frozen=True, forbid_unknown_fields=True):
    """Stops codes that hardly ever come back, as when somebody lives on messages that are sent.

    A block of numbers is in doubt when of `codes` or more in the window fewer than `least_percent` percent
    were entered. Then an address gets no more codes for it once it has asked for `trickle`, to whichever
    number, of which as few were.
    """

    codes: Count = 500
    window_seconds: Seconds = 3_600
    least_percent: Percent = 10
    trickle: Few = 5
    shadow: bool = False


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What keeps a crowd, a flood or a swindler from spending what others need."""

    # A mobile carrier puts thousands behind one address.
    address: RateLimit = RateLimit(count=300, window_seconds=10)
    person: RateLimit = RateLimit(count=30, window_seconds=60)
    # Codes to one phone, and to the ten thousand numbers that differ from it in the last four digits only.
    phone: RateLimit = RateLimit(count=5, window_seconds=86_400)
    block: RateLimit = RateLimit(count=5_000, window_seconds=3_600)
    # Codes of the whole programme in a calendar day; 0: any number.
    codes_per_day: Annotated[int, Meta(ge=0, le=100_000_000)] = 0
    # Codes asked for from one address.
    code_address: RateLimit = RateLimit(count=1_500, window_seconds=300)
    conversion: Conversion = Conversion()
    # How many are let to the door in a second; 0: as many as there are slots.
    inlet_per_second: Annotated[int, Meta(ge=0, le=100_000)] = 0


class Terms(Struct, frozen=True, forbid_unknown_fields=True):
    """Terms of processing. `working_days` is what the applicant is promised [S0]."""

    working_days: Few = 3
    park_after_seconds: Seconds = 600
    parked_limit: Count = 5_000
    unknown_retry_seconds: Seconds = 60
    # Long enough to answer a complaint about the decision; what remains afterwards names nobody.
    erase_after_days: Days = 180


class WaitingRoom(Struct, frozen=True, forbid_unknown_fields=True):
    """How the line moves. Who does not come within the claim window keeps the place and loses the slot."""

    calls_per_second: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    claim_window_seconds: Seconds = 20
    front_row_window_seconds: Seconds = 120


class Programme(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    titles: dict[str, str]
    slots: Slots
    categories: dict[str, Category]
    phone: PhoneRules
    # Applications that may share a person's slot until one of them is confirmed.
    candidates: Few = 5
    leases: Leases = Leases()
    terms: Terms = Terms()
    waiting_room: WaitingRoom = WaitingRoom()
    limits: Limits = Limits()

    @property
    def calls_per_second(self) -> int:
        """The fastest that the line can move."""
        calls, inlet = self.waiting_room.calls_per_second, self.limits.inlet_per_second
        return min(calls, inlet) if inlet else calls

    @property
    def checks_phones(self) -> bool:
        """Whether a phone must be the person's own; of a file all categories say the same."""
        return any(Check.MOBILE_CITIZENS in category.checks for category in self.categories.values())

    def category(self, name: str) -> Category | None:
        return self.categories.get(name)


def load_programmes(directory: Path) -> dict[str, Programme]:
    """Read every `*.toml` of a folder, by code. Raises ProgrammeError."""
    programmes = [load_programme(path) for path in sorted(directory.glob("*.toml"))]
    if not programmes:
        raise ProgrammeError(f"{directory}: holds no programme (*.toml)")
    return {programme.code: programme for programme in programmes}


def load_programme(path: Path) -> Programme:
    table = read_table(path, ProgrammeError)
    # Each category alone first: in one piece the converter would not name the category that is wrong.
    for name, category in _categories(path, table).items():
        convert_table(path, f"categories.{name}", category, Category, ProgrammeError)
    programme = convert_table(path, "", table, Programme, ProgrammeError)
    for key, reason in _contradictions(programme, path.stem):
        raise ProgrammeError(f"{path}: {key}: {reason}")
    return programme


def _categories(path: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    categories = table.get("categories", {})
    if not isinstance(categories, dict) or not categories:
        raise ProgrammeError(f"{path}: categories: at least one [categories.<name>] is needed")
    if not all(map(_CATEGORY.fullmatch, categories)):
        raise ProgrammeError(f"{path}: categories: a name is small Latin letters, digits and _, at most 40")
    return categories


def _contradictions(programme: Programme, file_stem: str) -> list[tuple[str, str]]:
    """List what no single value shows: (key, reason)."""
    found: list[tuple[str, str]] = []
    if not _CODE.fullmatch(programme.code):
        found.append(("code", "must be 1 to 16 small Latin letters and digits"))
    elif programme.code != file_stem:
        found.append(("code", f"must equal the file's name, {file_stem}"))
    if len(set(programme.phone.prefixes)) != len(programme.phone.prefixes):
        found.append(("phone.prefixes", "a prefix stands there twice"))
    if len({Check.MOBILE_CITIZENS in category.checks for category in programme.categories.values()}) > 1:
        found.append(("categories", "mobile_citizens is checked in all of them, or a swindler takes another"))
    found += _untitled("titles", programme.titles)
    for name, category in programme.categories.items():
        found += _untitled(f"categories.{name}.titles", category.titles)
        if (category.employer is Employer.NONE) != (not category.employer_kinds):
            key = f"categories.{name}.employer_kinds"
            found.append((key, "names kinds (bin, iin) exactly when employer is required or optional"))
    return found


def _untitled(key: str, titles: Mapping[str, str]) -> list[tuple[str, str]]:
    if set(titles) != LANGUAGES:
        return [(key, "must be given in kk, ru and en, and in no other language")]
    return [(f"{key}.{language}", "is empty") for language, title in titles.items() if not title.strip()]
