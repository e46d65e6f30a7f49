"""Delays are counted from when something was due, and nothing that goes wrong with looking is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ops.bench.traffic import Message, Pacer, Watcher, wait_until
from streams.errors import DependencyError

NOBODY = "127.0.0.1:9"
"""Messages stay in the client: no broker listens there."""


def cases(count: int, pause_s: float) -> Iterator[list[Message]]:
    """Of one message each; the third keeps the sender waiting."""
    for number in range(count):
        if number == 2:
            time.sleep(pause_s)
        yield [Message(number, "t", b"k", b"v")]


def test_a_sender_that_was_held_up_does_not_shorten_the_delays_of_what_it_held_up() -> None:
    """Each case is due a hundredth of a second after the one before, whenever it was sent."""
    pacer = Pacer(NOBODY, cases(10, 0.3), 100.0)
    pacer.start()
    pacer.join()
    dues = list(pacer.due.values())
    assert [due - dues[0] for due in dues] == pytest.approx([number / 100 for number in range(10)])
    assert pacer.late_s >= 0.25
    assert pacer.next_due == pytest.approx(dues[-1] + 0.01)


def test_what_ends_a_watcher_is_raised_where_it_is_waited_for() -> None:
    """Otherwise all that it did not see would be taken for what never came."""

    class Broken(Watcher):
        def work(self) -> None:
            raise ValueError("no such table")

    watcher = Broken("rows")
    with watcher.watching(), pytest.raises(DependencyError, match=r"rows .*ValueError: no such table"):
        wait_until(lambda: False, 5.0, watcher.check)
