"""What becomes of a dead letter that is to be sent back."""

from __future__ import annotations

from typing import Any

import pytest

from ops.dlq.plan import UNDONE, Decision, Outcome, Routes, Target, decide
from streams.errors import InvalidRecord
from streams.partitioner import PARTITIONERS
from tests.dlq.letters import entry

ROUTES = Routes("p-", 8, PARTITIONERS["murmur2"])
REFUSAL = InvalidRecord("BROKEN_AVRO", "x")


def decided(redrives: int = 0, **given: Any) -> Decision:
    """A decision about a letter."""
    facts = {"target": Target("case-closed", 1), "sent_to": None, "refusal": None, "max_redrives": 3, "force": False, **given}
    return decide(entry(redrives=redrives), facts.pop("target"), **facts)


def test_a_good_letter_is_sent() -> None:
    """Nothing speaks against it."""
    assert decided().outcome is Outcome.SEND


@pytest.mark.parametrize("force", [False, True])
def test_a_letter_that_was_sent_is_not_sent_again_whatever_is_asked(*, force: bool) -> None:
    """Redriving twice changes nothing."""
    assert decided(sent_to="case-closed/1@5", force=force).outcome is Outcome.SENT_BEFORE


@pytest.mark.parametrize("force", [False, True])
def test_a_record_that_came_back_often_enough_is_a_loop(*, force: bool) -> None:
    """The guard counts redrives of the record, over all its dead letters."""
    assert decided(redrives=2, force=force).outcome is Outcome.SEND
    assert decided(redrives=3, force=force) == Decision(entry().place, Outcome.TOO_OFTEN, entry(redrives=3), Target("case-closed", 1), "3")
    assert decided(redrives=3, max_redrives=4, force=force).outcome is Outcome.SEND


def test_what_would_be_refused_is_sent_only_by_force() -> None:
    """With the reason told."""
    assert (decided(refusal=REFUSAL).outcome, decided(refusal=REFUSAL).detail) == (Outcome.REFUSED_AGAIN, "BROKEN_AVRO: x")
    assert decided(refusal=REFUSAL, force=True).outcome is Outcome.SEND


def test_a_letter_that_had_been_sent_needs_nobody() -> None:
    """All others that are not sent do."""
    assert {*Outcome} - UNDONE == {Outcome.SEND, Outcome.SENT_BEFORE}


def test_a_record_goes_to_the_partition_of_its_key_wherever_it_was() -> None:
    """Case topics by the partitioner; a reference topic has one partition; without a key it goes back to where it was."""
    home = PARTITIONERS["murmur2"]("办件-1".encode(), 8)
    for partition in range(8):
        assert ROUTES.target(entry(topic="p-case-closed", key="办件-1".encode(), partition=partition)) == Target("case-closed", home)
    assert ROUTES.target(entry(topic="p-item-registry", key=b"U1|x", partition=0)) == Target("item-registry", 0)
    assert ROUTES.target(entry(topic="p-case-closed", key=None, partition=5)) == Target("case-closed", 5)
    assert ROUTES.target(entry(topic="p-case-closed", key=b"", partition=5)) == Target("case-closed", PARTITIONERS["murmur2"](b"", 8))


@pytest.mark.parametrize(
    "given",
    [
        {"topic": ""},
        {"topic": "case-closed"},
        {"topic": "p-case-state"},
        {"topic": "p-dead-letter"},
        {"topic": "p-case-closed", "key": None, "partition": -1},
        {"topic": "p-case-closed", "key": None, "partition": 8},
    ],
)
def test_what_came_from_no_input_of_ours_goes_nowhere(given: dict[str, Any]) -> None:
    """Not into another system's topic, and never into an output."""
    target = ROUTES.target(entry(**given))
    assert target is None
    assert decided(target=target).outcome is Outcome.NO_SOURCE
