import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.operators.rehearsal.figures import percentile


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.5, 7),
        ([7], 0.0, 7),
        ([3, 1, 2], 0.5, 2),
        ([4, 1, 2, 3], 0.5, 2),
        (range(1, 11), 0.9, 9),
        (range(1, 11), 1.0, 10),
    ],
)
def test_a_percentile_is_a_value_that_there_was(
    values: list[int], share: float, expected: int | None
) -> None:
    assert percentile(values, share) == expected


@given(st.lists(st.integers(0, 1_000), min_size=1), st.floats(0.01, 1))
def test_the_share_of_all_values_lies_at_or_below_its_percentile(values: list[int], share: float) -> None:
    found = percentile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= math.ceil(len(values) * share)
    assert sum(value < found for value in values) < math.ceil(len(values) * share)
