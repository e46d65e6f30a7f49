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
    assert question.answer() == 2


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
        assert [question.answer(), question.answer()] == [None, None]
        assert len(caplog.records) == 1
        failing = False
        assert question.answer() == "here"
    assert "已恢复" in caplog.messages[-1]
    assert len(caplog.records) == 2
