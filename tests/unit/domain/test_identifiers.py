import msgspec
import pytest

from gateway.domain.identifiers import (
    Bin,
    Iban,
    IdentifierError,
    IdentifierFault,
    Iin,
    decode_identifier,
    mask_iin,
)

VALID_IINS = [
    "900101390012",
    "850512490011",
    "050315590012",
    "071130690017",
    "451201390013",
    "991231490015",
    "900101390307",
    "900101090013",
    "000101090015",
    "061211600012",
]
VALID_BINS = [
    "240140990014",
    "230641990016",
    "991252990011",
    "150363990018",
    "100540990010",
    "940140000385",
    "990140004654",
]
VALID_IBANS = [
    "KZ86125KZT5004100100",
    "KZ563190000012344567",
    "KZ75125KZT2069100100",
    "KZ69722C000099999901",
    "KZ456010000000000001",
    "KZ64998BTB0000000001",
    "KZ885631A2B3C4D5E6F7",
]
# Each is a valid number but for what its name says.
ODD_TEXTS = {
    "Arabic-Indic digits": "٩٠٠١٠١٣٩٠٠١٢",
    "full-width digits": "９００１０１３９００１２",
    "one full-width digit": "90010139001２",
    "superscript": "90010139001²",
    "trailing newline": "900101390012\n",
    "leading space": " 900101390012",
    "NUL": "900101390012\0",
    "NUL inside": "900101\00390012",
    "byte order mark": "\ufeff900101390012",
    "sign": "+90010139001",
    "underscore": "900101_90012",
    "lone surrogate": "90010139001\ud800",
}


def fault_of(type_: type[Iin | Bin | Iban], text: str) -> IdentifierFault:
    with pytest.raises(IdentifierError) as error:
        type_.parse(text)
    return error.value.code


@pytest.mark.parametrize("text", VALID_IINS)
def test_a_valid_iin_is_taken(text: str) -> None:
    assert Iin.parse(text) == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("900101390013", IdentifierFault.WRONG_CHECK_DIGIT),
        ("850512490012", IdentifierFault.WRONG_CHECK_DIGIT),
        ("05031559001", IdentifierFault.WRONG_LENGTH),
        ("0503155900122", IdentifierFault.WRONG_LENGTH),
        ("", IdentifierFault.WRONG_LENGTH),
        ("07113069001X", IdentifierFault.NOT_DIGITS),
        ("991231490051", IdentifierFault.WRONG_CHECK_DIGIT),
    ],
)
def test_a_wrong_iin_is_refused_with_its_fault(text: str, fault: IdentifierFault) -> None:
    assert fault_of(Iin, text) is fault


@pytest.mark.parametrize("digit", "0123456789")
def test_an_iin_whose_both_passes_give_ten_is_never_issued(digit: str) -> None:
    assert fault_of(Iin, f"90010139037{digit}") is IdentifierFault.WRONG_CHECK_DIGIT


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
@pytest.mark.parametrize("type_", [Iin, Bin])
def test_only_ascii_digits_make_a_number(type_: type[Iin | Bin], text: str) -> None:
    assert fault_of(type_, text) is IdentifierFault.NOT_DIGITS


@pytest.mark.parametrize("text", VALID_BINS)
def test_a_valid_bin_is_taken(text: str) -> None:
    assert Bin.parse(text) == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("240140990015", IdentifierFault.WRONG_CHECK_DIGIT),
        ("241340990014", IdentifierFault.WRONG_STRUCTURE),
        ("240170990018", IdentifierFault.WRONG_STRUCTURE),
        ("240145990011", IdentifierFault.WRONG_STRUCTURE),
        ("24014099001", IdentifierFault.WRONG_LENGTH),
        ("900101390012", IdentifierFault.WRONG_STRUCTURE),
    ],
)
def test_a_wrong_bin_is_refused_with_its_fault(text: str, fault: IdentifierFault) -> None:
    assert fault_of(Bin, text) is fault


@pytest.mark.parametrize("text", VALID_IBANS)
def test_a_valid_iban_is_taken(text: str) -> None:
    assert Iban.parse(text) == text


def test_an_iban_is_kept_without_spaces_and_in_capitals() -> None:
    assert Iban.parse(" kz86 125k zt50 0410 0100 ") == "KZ86125KZT5004100100"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("KZ86125KZT5004100101", IdentifierFault.WRONG_CHECK_DIGIT),
        ("KZ86125KZT500410010", IdentifierFault.WRONG_LENGTH),
        ("", IdentifierFault.WRONG_LENGTH),
        ("KZ8612ZKZT5004100100", IdentifierFault.WRONG_STRUCTURE),
        ("KZ68125KZT5004100100", IdentifierFault.WRONG_CHECK_DIGIT),
        ("KZ00125KZT5004100100", IdentifierFault.WRONG_CHECK_DIGIT),
        ("KZ86125KZT50041O0100", IdentifierFault.WRONG_CHECK_DIGIT),
        ("DE89370400440532013000", IdentifierFault.WRONG_COUNTRY),
        ("KZ86-125K-ZT50-0410-0100", IdentifierFault.WRONG_CHARACTERS),
        ("KZ86125KZT5004100100\n", IdentifierFault.WRONG_CHARACTERS),
        ("KZ86125KZT5004100100\0", IdentifierFault.WRONG_CHARACTERS),
        ("\ufeffKZ86125KZT5004100100", IdentifierFault.WRONG_CHARACTERS),
        ("КZ86125KZT5004100100", IdentifierFault.WRONG_CHARACTERS),
        ("KZ69722С000099999901", IdentifierFault.WRONG_CHARACTERS),
        ("KZ86125KZT５004100100", IdentifierFault.WRONG_CHARACTERS),
        ("KZ86125ſZT5004100100", IdentifierFault.WRONG_CHARACTERS),
    ],
)
def test_a_wrong_iban_is_refused_with_its_fault(text: str, fault: IdentifierFault) -> None:
    assert fault_of(Iban, text) is fault


@pytest.mark.parametrize("text", ["900101390012", "900101090013", "000101090015", "000229590014"])
def test_a_date_in_the_iin_is_seen(text: str) -> None:
    assert Iin(text).has_birth_date


# 1900 was no leap year, the century of digits 3 and 4; 2000 was.
@pytest.mark.parametrize("text", ["901301390012", "900100390010", "900230390010", "000229390010"])
def test_no_date_in_the_iin_is_seen_too(text: str) -> None:
    assert not Iin(text).has_birth_date


def test_an_iin_without_a_date_is_not_refused() -> None:
    assert not Iin.parse("901301390012").has_birth_date


def test_a_masked_iin_shows_the_beginning_and_the_end() -> None:
    assert mask_iin("900101390012") == "9001••••••12"


@pytest.mark.parametrize("value", [Iin("900101390012"), Bin("240140990014"), Iban("KZ86125KZT5004100100")])
def test_a_repr_does_not_show_the_number(value: str) -> None:
    assert value not in repr(value)


def test_an_error_does_not_show_the_number() -> None:
    with pytest.raises(IdentifierError) as error:
        Iin.parse("900101390013")
    assert "900101" not in repr(error.value)


class Wire(msgspec.Struct):
    iin: Iin
    employer: Bin | None
    iban: Iban


DECODER = msgspec.json.Decoder(Wire, dec_hook=decode_identifier)


def test_msgspec_fields_are_decoded_into_proven_numbers() -> None:
    wire = DECODER.decode(b'{"iin": "900101390012", "employer": null, "iban": "kz86 125KZT5004100100"}')

    assert type(wire.iin) is Iin
    assert wire.iban == "KZ86125KZT5004100100"


@pytest.mark.parametrize("iin", ['"900101390013"', "900101390012", "null", "[]", "true"])
def test_msgspec_refuses_a_field_that_is_no_number(iin: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        DECODER.decode(f'{{"iin": {iin}, "employer": null, "iban": "KZ86125KZT5004100100"}}')


def test_the_hook_leaves_other_types_alone() -> None:
    with pytest.raises(NotImplementedError):
        decode_identifier(complex, "1")
