"""The queue: durable, one state a fingerprint, news told from repetition, and no last state ever lost."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.notify.alert import Waiting
from consumers.notify.queue import Queue, Taken
from streams.errors import DependencyError
from tests.notify.parts import T0, alert


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """An empty one."""
    made = Queue(tmp_path / "notify" / "queue.sqlite")
    yield made
    made.close()


def put(queue: Queue, *states: tuple[str, int], now_ms: int = T0, remind_ms: int = 0, fingerprint: str = "a") -> int:
    """Deliver states of one alert, each by itself; return how many were news."""
    return sum(queue.accept([Taken("c", remind_ms, alert(fingerprint, status, start))], now_ms) for status, start in states)


def tell(queue: Queue, *, arrives: bool = True, now_ms: int = T0) -> list[tuple[str, int]]:
    """Send everything that waits; return the states that went out."""
    waiting = queue.waiting("c")
    number = queue.begin("c", waiting, now_ms)
    if arrives:
        queue.sent("c", number, waiting, queue.backfill("c"), now_ms)
    else:
        queue.not_sent("c", number, now_ms)
    return [w.alert.state for w in waiting]


def test_a_state_is_told_once_however_often_it_is_delivered(queue: Queue) -> None:
    """While it waits, and after it was told."""
    assert put(queue, ("firing", 1), ("firing", 1)) == 1
    assert tell(queue) == [("firing", 1)]
    assert put(queue, ("firing", 1)) == 0
    assert tell(queue) == []
    assert put(queue, ("resolved", 1), ("resolved", 1)) == 1
    assert tell(queue) == [("resolved", 1)]
    assert put(queue, ("firing", 2)) == 1


def test_only_the_last_of_waiting_states_is_told_and_the_others_are_counted(queue: Queue) -> None:
    """In the place of the first: nobody waits longer because more happened."""
    put(queue, ("firing", 1))
    put(queue, ("firing", 1), fingerprint="b", now_ms=T0 + 5)
    put(queue, ("resolved", 1), ("firing", 2), now_ms=T0 + 9)
    first, second = queue.waiting("c")
    assert (first.alert.fingerprint, first.alert.state, first.merged, first.queued_ms) == ("a", ("firing", 2), 2, T0)
    assert second.alert.fingerprint == "b"
    assert queue.oldest_ms("c") == T0


def test_what_comes_back_to_what_was_told_is_no_news(queue: Queue) -> None:
    """It went away and came back before anybody was told."""
    put(queue, ("firing", 1))
    tell(queue)
    put(queue, ("resolved", 1), ("firing", 1))
    assert queue.waiting("c") == []


def test_a_state_that_comes_while_a_message_is_under_way_is_told_after_it(queue: Queue) -> None:
    """And says nothing of states that were not merged."""
    put(queue, ("firing", 1))
    waiting = queue.waiting("c")
    number = queue.begin("c", waiting, T0)
    put(queue, ("resolved", 1), now_ms=T0 + 1)
    queue.sent("c", number, waiting, {}, T0 + 2)
    (left,) = queue.waiting("c")
    assert (left.alert.state, left.merged) == (("resolved", 1), 0)


def test_after_a_message_of_unknown_fate_everything_is_told_again(queue: Queue) -> None:
    """It may have arrived: then what was told before it is no longer what people saw last."""
    put(queue, ("firing", 1))
    tell(queue)
    put(queue, ("resolved", 1))
    tell(queue, arrives=False)
    put(queue, ("firing", 1))
    assert tell(queue) == [("firing", 1)]


def test_an_alert_that_goes_on_is_told_again_after_the_interval(queue: Queue) -> None:
    """Where the channel asks for it; counted from its delivery, though it is told a while later."""
    put(queue, ("firing", 1), remind_ms=100)
    tell(queue, now_ms=T0 + 6)
    assert put(queue, ("firing", 1), remind_ms=100, now_ms=T0 + 95) == 0
    assert put(queue, ("firing", 1), remind_ms=100, now_ms=T0 + 100) == 1
    assert queue.waiting("c")[0].repeated
    assert tell(queue, now_ms=T0 + 100) == [("firing", 1)]
    put(queue, ("resolved", 1), remind_ms=100)
    tell(queue)
    assert put(queue, ("resolved", 1), remind_ms=100, now_ms=T0 + 900) == 0


def test_an_alert_that_goes_on_is_told_again_though_the_clock_was_put_back(queue: Queue) -> None:
    """One interval from then, and not one from a time that may come years later."""
    put(queue, ("firing", 1), remind_ms=100)
    tell(queue)
    back_ms = T0 - 1_000_000
    queue.mend(back_ms)
    assert put(queue, ("firing", 1), remind_ms=100, now_ms=back_ms + 50) == 0
    assert put(queue, ("firing", 1), remind_ms=100, now_ms=back_ms + 100) == 1


def test_backfills_are_counted_once_and_never_wait(queue: Queue) -> None:
    """A replay of a year pages nobody."""
    for _ in range(2):
        for number in range(40):
            queue.accept([Taken("c", 0, alert(f"{number:x}", backfill="true"))], T0)
    assert (queue.waiting("c"), queue.oldest_ms("c"), queue.backfill("c")) == ([], None, {"CoverageDrop": 40})
    put(queue, ("firing", 1))
    tell(queue)
    assert queue.backfill("c") == {}


def test_only_what_is_on_the_list_is_stored(queue: Queue, tmp_path: Path) -> None:
    """Not on disk either."""
    queue.accept([Taken("c", 0, alert(unit="330100012", applicant="张三李四"))], T0)
    (waiting,) = queue.waiting("c")
    assert waiting.alert.labels == {"alertname": "CoverageDrop", "unit": "330100012"}
    for file in (tmp_path / "notify").iterdir():
        assert "张三李四".encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_the_limit_and_the_hold_outlive_the_process(tmp_path: Path) -> None:
    """A restart is no way around a robot's limit."""
    path = tmp_path / "queue.sqlite"
    first = Queue(path)
    first.not_sent("c", first.begin("c", (), T0), T0 + 7, held_until_ms=T0 + 600_000)
    first.begin("c", (), T0 + 9)  # killed here
    first.close()
    second = Queue(path)
    assert (second.sent_ms("c"), second.held_until_ms("c"), second.sent_ms("other")) == ([T0 + 7, T0 + 9], T0 + 600_000, [])
    second.mend(T0 - 1_000)  # the clock was put back
    assert (second.sent_ms("c"), second.held_until_ms("c")) == ([T0 - 1_000] * 2, T0 + 600_000)
    second.close()


def test_a_channel_that_is_put_back_knows_nothing_of_the_time_before(queue: Queue) -> None:
    """What waited may be over long ago; what was told, and what was counted, was told to others."""
    put(queue, ("firing", 1))
    tell(queue)
    put(queue, ("resolved", 1))
    queue.accept([Taken("c", 0, alert("b", backfill="true")), Taken("other", 0, alert("b"))], T0)
    assert queue.keep_only(["other", "new"]) == {"c": 1}
    assert (queue.numbers(), queue.backfill("c")) == ({"other": 1}, {})
    assert put(queue, ("resolved", 1)) == 1
    assert queue.keep_only(["c", "other"]) == {}
    assert queue.numbers() == {"c": 1, "other": 1}


def test_a_delivery_is_queued_whole_or_not_at_all(queue: Queue) -> None:
    """Alertmanager tries again: half of it must not look like all of it."""

    def failing() -> Iterator[Taken]:
        yield Taken("c", 0, alert("a"))
        raise sqlite3.OperationalError("disk full")

    with pytest.raises(sqlite3.OperationalError):
        queue.accept(failing(), T0)
    assert queue.waiting("c") == []


def test_what_is_no_queue_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """A damaged file, or one of another version."""
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"not a database, whatever else it is" * 100)
    with pytest.raises(DependencyError, match="移走"):
        Queue(damaged)
    other = tmp_path / "other.sqlite"
    made = sqlite3.connect(other)
    made.execute("PRAGMA user_version = 9")
    made.close()
    with pytest.raises(DependencyError, match="版本"):
        Queue(other)


_QUICK = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - memory: what is durable is tested with SIGKILL elsewhere
STATES = [("firing", 1), ("resolved", 1), ("firing", 2), ("resolved", 2)]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.sampled_from("ab"), st.sampled_from(STATES)),
        st.tuples(st.sampled_from(["begin", "arrive", "arrive", "fail", "crash"]), st.none(), st.none()),
    ),
    max_size=40,
)


class People:
    """A queue, and what of it reached people."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.queue = Queue(path)
        self.delivered: dict[str, list[tuple[str, int]]] = {"a": [], "b": []}
        self.shown: dict[str, list[tuple[str, int]]] = {"a": [], "b": []}
        self.under_way: tuple[int, list[Waiting]] | None = None

    def deliver(self, fingerprint: str, state: tuple[str, int]) -> None:
        """Alertmanager posts."""
        put(self.queue, state, fingerprint=fingerprint)
        self.delivered[fingerprint].append(state)

    def begin(self) -> None:
        """A message goes out, where none is under way."""
        if self.under_way is None:
            waiting = self.queue.waiting("c")
            self.under_way = (self.queue.begin("c", waiting, T0), waiting)

    def end(self, what: str) -> None:
        """It arrives; or fails; or the process is killed when it had arrived and nobody had written that down."""
        number, waiting = self.under_way or (0, [])
        self.under_way = None
        if what != "fail":
            for one in waiting:
                self.shown[one.alert.fingerprint].append(one.alert.state)
        if what == "crash":
            self.queue.close()
            self.queue = Queue(self.path)
        elif what == "fail":
            self.queue.not_sent("c", number, T0)
        else:
            self.queue.sent("c", number, waiting, {}, T0)


@settings(max_examples=60)
@given(steps=STEPS)
def test_the_last_state_is_always_told_and_none_out_of_order(steps: list[tuple[str, str | None, tuple[str, int] | None]]) -> None:
    """Whatever is delivered, fails, or crashes in between, before or after the message arrived.

    People's view of each alert is the last state that reached them. What they were shown is, repetitions apart, a selection of what
    was delivered, in its order, that ends with the last.
    """
    with tempfile.TemporaryDirectory(dir=_QUICK) as folder:
        people = People(Path(folder) / "queue.sqlite")
        for what, fingerprint, state in steps:
            if fingerprint and state:
                people.deliver(fingerprint, state)
            elif what == "begin":
                people.begin()
            else:
                people.end(what)
        people.end("crash")
        people.begin()
        people.end("arrive")
        assert people.queue.waiting("c") == []
        people.queue.close()
        for fingerprint, states in people.delivered.items():
            assert people.shown[fingerprint][-1:] == states[-1:]
            assert _is_selection(people.shown[fingerprint], states)


def _is_selection(shown: list[tuple[str, int]], delivered: list[tuple[str, int]]) -> bool:
    """Whether ``shown``, each in a row once, can be picked from ``delivered`` in order."""
    rest = iter(delivered)
    distinct = [state for number, state in enumerate(shown) if number == 0 or shown[number - 1] != state]
    return all(any(state == other for other in rest) for state in distinct)


def test_the_selection_test_can_fail() -> None:
    """It is what the property above rests on."""
    assert _is_selection([STATES[0], STATES[0], STATES[2]], STATES)
    assert not _is_selection([STATES[1], STATES[0]], STATES)
