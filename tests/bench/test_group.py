"""Whether partitions have changed hands."""

from __future__ import annotations

import pytest

from ops.bench.group import Owners, changed_hands

BEFORE: Owners = {("t", 0): "w1", ("t", 1): "w1"}


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        (BEFORE, False),
        ({("t", 0): "w1"}, False),
        ({}, False),
        ({("t", 0): "w2", ("t", 1): "w1"}, True),
    ],
    ids=["all as before", "one is nobody's", "a rebalance is under way", "one has another owner"],
)
def test_partitions_have_changed_hands_once_each_has_an_owner_and_one_another(now: Owners, *, changed: bool) -> None:
    """What is nobody's has only been taken away."""
    assert changed_hands(BEFORE, now) == changed
    assert not changed_hands({}, {})
