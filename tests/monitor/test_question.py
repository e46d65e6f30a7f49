"""Questions that are answered, not answered, answered late, and answered wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ops.monitor.question import Question
from streams.errors import DependencyError


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds an answer up until it is set."""
    made = threading.Event()
    yield made
    made.set()


def until(holds: Callable[[], bool]) -> None:
    """Wait for it: after an answer nothing is asked for a while."""
    give_up = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def counted(asked: list[float]) -> Callable[[], int]:
    """Answers with how often it was asked."""

    def ask() -> int:
        asked.append(time.monotonic())
        return len(asked)

    return ask


def test_an_answer_stands_for_a_while_and_nothing_is_asked_unless_somebody_wants_to_know() -> None:
    """Three scrapes at once, one question; later another."""
    asked: list[float] = []
    question = Question("q", counted(asked), fresh_seconds=0.3)
    assert asked == []
    assert [question.answer() for _ in range(3)] == [1, 1, 1]
    time.sleep(0.35)
    assert len(asked) == 1
    until(lambda: question.answer() == 2)  # an answer that took its time, on a busy machine, stands longer


def test_an_answer_that_takes_too_long_is_none_and_the_next_scrape_waits_no_more_and_asks_nothing(gate: threading.Event) -> None:
    """A server that hangs gets one question, not one for each scrape; when it answers after all, the answer is used."""
    asked: list[float] = []

    def slow() -> str:
        asked.append(time.monotonic())
        gate.wait(10)
        return "late"

    question = Question("q", slow, patience_seconds=0.2)
    began = time.monotonic()
    assert question.answer() is None
    assert 0.15 < time.monotonic() - began < 2
    began = time.monotonic()
    assert question.answer() is None
    assert time.monotonic() - began < 0.1
    gate.set()
    while question.answer() is None:
        assert time.monotonic() - began < 5
    assert question.answer() == "late"
    assert len(asked) == 1


def test_an_old_answer_stands_while_the_next_is_slow_where_that_was_agreed_on(gate: threading.Event) -> None:
    """And no longer than agreed on; a failure is no old answer."""
    asked: list[float] = []

    def slow_the_second_time() -> int:
        asked.append(time.monotonic())
        if len(asked) > 1:
            gate.wait(10)
        return len(asked)

    question = Question("q", slow_the_second_time, fresh_seconds=0.0, patience_seconds=0.02, stale_seconds=2.0)
    until(lambda: question.answer() == 1)
    until(lambda: question.answer() == 1 and len(asked) == 2)
    until(lambda: question.answer() is None)
    gate.set()


def test_what_takes_long_is_asked_rarely() -> None:
    """A tenth of the time at most."""
    asked: list[float] = []

    def ask() -> int:
        asked.append(time.monotonic())
        time.sleep(0.05)
        return len(asked)

    question = Question("q", ask, fresh_seconds=0.0)
    began = time.monotonic()
    while time.monotonic() - began < 0.4:
        assert question.answer() == 1
        time.sleep(0.02)
    until(lambda: question.answer() == 2)
    assert time.monotonic() - began > 0.4


def test_what_takes_long_to_fail_is_asked_rarely_too() -> None:
    """A server that has not answered in time may still be at work on the question: the next one would be one more."""
    asked: list[float] = []

    def ask() -> int:
        asked.append(time.monotonic())
        time.sleep(0.05)
        raise DependencyError("no answer in time")

    question = Question("q", ask, fresh_seconds=0.0)
    began = time.monotonic()
    while time.monotonic() - began < 0.4:
        assert question.answer() is None
        time.sleep(0.02)
    assert len(asked) == 1
    until(lambda: question.answer() is None and len(asked) == 2)


@pytest.mark.parametrize("error", [DependencyError("away"), ValueError("a defect of ours")])
def test_a_failure_is_no_answer_is_told_once_and_its_end_is_told(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """An old answer is not passed off as a new one."""
    failing = False

    def ask() -> str:
        if failing:
            raise error
        return "here"

    question = Question("q", ask, fresh_seconds=0.0)
    with caplog.at_level(logging.WARNING):
        assert question.answer() == "here"
        failing = True
        until(lambda: question.answer() is None)
        assert question.answer() is None
        assert len(caplog.records) == 1
        failing = False
        until(lambda: question.answer() == "here")
    assert "已恢复" in caplog.messages[-1]
    assert len(caplog.records) == 2
