"""What is away for a while is asked again; what is refused is told at once."""

from __future__ import annotations

import time

import pytest

from ops.patience import RESTART_SECONDS, patiently
from ops.supervisor.child import LONGEST_PAUSE_SECONDS
from streams.errors import DependencyError, NotAllowed


def test_what_comes_back_answers_in_the_end():
    """The first two questions find nobody."""
    away = iter([DependencyError("away"), DependencyError("away"), None])

    def ask() -> str:
        if (error := next(away)) is not None:
            raise error
        return "here"

    assert patiently(ask, 5) == "here"


def test_a_question_that_takes_longer_than_patience_lasts_is_asked_again():
    """Time counts from when it failed: a long reading that was cut off at its end has another try."""
    cut_off = iter([True, False])

    def ask() -> str:
        if next(cut_off):
            time.sleep(0.2)
            raise DependencyError("away")
        return "here"

    assert patiently(ask, 0.1) == "here"


def test_what_stays_away_is_told_when_the_time_is_over():
    """The last word on it."""

    def ask() -> None:
        raise DependencyError("away")

    with pytest.raises(DependencyError, match="away"):
        patiently(ask, 0.1)


def test_patience_ends_when_whoever_waits_has_waited_long_enough():
    """However short a time has passed since the first failure."""
    asked = []

    def ask() -> None:
        asked.append(1)
        raise DependencyError("away")

    with pytest.raises(DependencyError):
        patiently(ask, 60, until=time.monotonic() - 1)
    assert len(asked) == 1


def test_a_missing_right_is_told_at_once():
    """And not asked for again."""
    asked = []

    def ask() -> None:
        asked.append(1)
        raise NotAllowed("no right")

    with pytest.raises(NotAllowed):
        patiently(ask, 60)
    assert len(asked) == 1


def test_patience_outlasts_the_longest_pause_of_the_supervisor_twice():
    """And two starts of Kafka, of up to ten seconds each on a busy machine: killed while it starts, it is started once more."""
    assert RESTART_SECONDS >= 2 * (LONGEST_PAUSE_SECONDS + 10)
