"""Bytes at every parser: broken pieces of what is valid, and noise. `make security` goes on for minutes."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.valkey import ValkeyProcess
from tests.security.targets import PARSERS, Target, whole_applications

EXAMPLES, EXAMPLES_OF_A_REQUEST = 150, 80

Targets = dict[str, tuple[Target, list[bytes]]]


@st.composite
def broken(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A valid piece with something cut out, put in, or said often; or noise alone."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 3))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        put = draw(
            st.binary(max_size=6) | st.sampled_from(ODD) | st.just(data[start:end] * draw(st.integers(2, 50)))
        )
        data = data[:start] + put + data[end if draw(st.booleans()) else start :]
    return data


ODD = [
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b'"', b"\\", b"[" * 2_000, b"{",
    b"9" * 400, b"-0", b"1e999", b"NaN", b"\r\n", b"\n", "٠١٢".encode(), "９".encode(), "\u202e".encode(),
    b"\xef\xbb\xbf", b"%00", b"%ff", b"%2e%2e%2f", b"null", b"true", b",", b";q=", b"0001-01-01",
    b"9999-12-31T23:59:59-23:59",
]  # fmt: skip


def throw(target: Target, seeds: list[bytes], examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.one_of(st.sampled_from(seeds), broken(seeds), st.binary(max_size=200)))
    def every(data: bytes) -> None:
        target(data)

    every()


@pytest.mark.parametrize("name", PARSERS)
def test_no_bytes_bring_an_undeclared_error(name: str) -> None:
    target, seeds = PARSERS[name]
    throw(target, seeds, EXAMPLES)


@pytest.fixture(scope="module")
def targets(valkey: ValkeyProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with whole_applications(valkey.url, tmp_path_factory.mktemp("inside")) as found:
        yield found


@pytest.mark.parametrize("name", ["receipt", "decision", "signature", "public request", "operators' request"])
def test_no_request_brings_an_error_of_ours(targets: Targets, name: str) -> None:
    target, seeds = targets[name]
    throw(target, seeds, EXAMPLES_OF_A_REQUEST)
