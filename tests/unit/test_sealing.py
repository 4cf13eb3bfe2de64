import hashlib
import hmac
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sealing import KeyRing, SealError

OLD, NEW, LOOKUP = (bytes([number]) * 32 for number in (1, 2, 3))
RING = KeyRing({1: OLD}, 1, LOOKUP)
ROTATED = KeyRing({1: OLD, 2: NEW}, 2, LOOKUP)
# Version, key id, nonce and tag: what a record has beside its text.
OVERHEAD = 1 + 1 + 12 + 16

contexts = st.text()


@given(plaintext=st.binary(), context=contexts)
def test_what_is_sealed_opens_in_its_context(plaintext: bytes, context: str) -> None:
    sealed = RING.seal(plaintext, context)

    assert RING.unseal(sealed, context) == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD
    assert sealed[:2] == bytes((1, 1))


@given(plaintext=st.binary(min_size=8), context=contexts)
def test_nothing_of_the_text_shows_and_no_two_seals_are_alike(plaintext: bytes, context: str) -> None:
    sealed = RING.seal(plaintext, context)

    assert plaintext not in sealed
    assert sealed != RING.seal(plaintext, context)


@given(plaintext=st.binary(), context=contexts, other=contexts)
def test_a_record_does_not_open_for_another_case(plaintext: bytes, context: str, other: str) -> None:
    if context != other:
        with pytest.raises(SealError):
            RING.unseal(RING.seal(plaintext, context), other)


@given(plaintext=st.binary(), bit=st.integers(min_value=0))
def test_a_record_with_one_changed_bit_does_not_open(plaintext: bytes, bit: int) -> None:
    sealed = bytearray(ROTATED.seal(plaintext, "case"))
    sealed[bit // 8 % len(sealed)] ^= 1 << bit % 8

    with pytest.raises(SealError):
        ROTATED.unseal(bytes(sealed), "case")


@given(sealed=st.binary(max_size=64))
def test_whatever_bytes_come_open_or_are_refused(sealed: bytes) -> None:
    with pytest.raises(SealError):
        RING.unseal(sealed, "case")


@given(plaintext=st.binary(), cut=st.integers(1, OVERHEAD))
def test_a_record_that_was_cut_does_not_open(plaintext: bytes, cut: int) -> None:
    with pytest.raises(SealError):
        RING.unseal(RING.seal(plaintext, "case")[:-cut], "case")


@given(plaintext=st.binary(), context=contexts)
def test_after_rotation_the_old_key_still_opens_and_the_new_one_seals(plaintext: bytes, context: str) -> None:
    sealed = ROTATED.seal(plaintext, context)

    assert ROTATED.unseal(RING.seal(plaintext, context), context) == plaintext
    assert sealed[1] == 2
    with pytest.raises(SealError, match="not on the ring"):
        RING.unseal(sealed, context)


def test_another_key_under_the_same_id_does_not_open() -> None:
    with pytest.raises(SealError):
        KeyRing({1: NEW}, 1, LOOKUP).unseal(RING.seal(b"text", "case"), "case")


def test_an_error_says_nothing_of_the_record() -> None:
    with pytest.raises(SealError) as error:
        RING.unseal(RING.seal(b"900101390012", "case"), "another")

    assert error.value.__cause__ is None
    assert "900101390012" not in repr(error.value)


@pytest.mark.parametrize(
    ("keys", "active", "lookup"),
    [
        ({}, 1, LOOKUP),
        ({1: OLD}, 2, LOOKUP),
        ({1: OLD[:16]}, 1, LOOKUP),
        ({1: OLD, 2: b""}, 1, LOOKUP),
        ({256: OLD}, 256, LOOKUP),
        ({-1: OLD}, -1, LOOKUP),
        ({1: OLD}, 1, b""),
    ],
)
def test_a_ring_of_wrong_keys_is_refused(keys: dict[int, bytes], active: int, lookup: bytes) -> None:
    with pytest.raises(SealError):
        KeyRing(keys, active, lookup)


def test_a_repr_shows_no_key() -> None:
    assert OLD.hex() not in repr(RING)
    assert repr(OLD) not in repr(RING)


LOOKUPS: dict[str, Callable[[KeyRing, str, str], str]] = {
    "person": lambda ring, a, b: ring.person(a, b),
    "phone": lambda ring, a, b: ring.phone(a + "\0" + b),
    "pair": lambda ring, a, b: ring.pair(a, b),
    "code": lambda ring, a, b: ring.code_hash(a, b),
    "idempotency": lambda ring, a, b: ring.idempotency(a, b),
    "digest": lambda ring, a, b: ring.digest(f"{a}\0{b}".encode("utf-8", "surrogatepass")),
}


@pytest.mark.parametrize("look_up", LOOKUPS.values(), ids=LOOKUPS)
@given(a=st.text(), b=st.text(st.characters(exclude_categories=())))
def test_a_look_up_is_the_same_for_the_same_and_says_nothing_without_the_key(
    look_up: Callable[[KeyRing, str, str], str], a: str, b: str
) -> None:
    found = look_up(RING, a, b)

    assert re.fullmatch(r"[0-9a-f]{32}", found)
    assert found == look_up(ROTATED, a, b)
    assert found != look_up(KeyRing({1: OLD}, 1, NEW), a, b)


@given(lookup=st.binary(min_size=32, max_size=32), data=st.binary(max_size=200))
def test_a_look_up_is_an_hmac_as_the_library_makes_it(lookup: bytes, data: bytes) -> None:
    key = hmac.digest(lookup, b"digest", hashlib.sha256)
    expected = hmac.digest(key, len(data).to_bytes(4, "big") + data, hashlib.sha256)

    assert KeyRing({1: OLD}, 1, lookup).digest(data) == expected[:16].hex()


@given(key=st.binary(min_size=32, max_size=32), data=st.binary(max_size=200), context=contexts)
def test_a_signature_is_an_hmac_as_the_library_makes_it(key: bytes, data: bytes, context: str) -> None:
    encoded = context.encode("utf-8", "surrogatepass")
    message = len(encoded).to_bytes(4, "big") + encoded + data
    expected = hmac.digest(hmac.digest(key, b"sign", hashlib.sha256), message, hashlib.sha256)

    assert KeyRing({7: key}, 7, LOOKUP).sign(data, context) == b"\x07" + expected[:16]


def test_look_ups_of_different_purposes_are_never_alike() -> None:
    assert len({look_up(RING, "a", "b") for look_up in LOOKUPS.values()}) == len(LOOKUPS)


def test_a_person_is_another_in_each_programme() -> None:
    assert RING.person("42500", "900101390012") != RING.person("tiny", "900101390012")


@given(a=st.text(), b=st.text(), c=st.text(min_size=1))
def test_parts_of_a_look_up_do_not_run_into_one_another(a: str, b: str, c: str) -> None:
    assert RING.pair(a + c, b) != RING.pair(a, c + b)
