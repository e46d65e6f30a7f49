"""Questions that a scrape asks: of servers that may be slow, or away, while the scrape must be answered all the same."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from streams.errors import GuidangError

log = logging.getLogger(__name__)

FRESH_SECONDS = 10.0
"""A scrape within this time of the last one gets the same answer."""
_REST = 9
"""After a question that took a second none is asked for nine: however much there is to count, asking takes a tenth of the time at most."""
PATIENCE_SECONDS = 6.0
"""How long scrapes wait for an answer, from when it was asked for; Prometheus itself gives up after ten by default."""
_LONGEST_REST_AFTER_FAILURE_SECONDS = 60.0
"""What is not answered may be at work all the same, and is not asked again at once; but that it answers again is to be seen soon."""
ANSWER_SECONDS = 20
"""How long a server may take for one answer until it counts as away."""

Answer = TypeVar("Answer")


class Question(Generic[Answer]):
    """One question, asked in a thread of its own, never two at a time, and only when somebody wants to know.

    Parameters
    ----------
    name
        For the log, which tells once that the answers stop, with the reason, and once that they are back.
    ask
        May block, and may raise whatever it likes.
    fresh_seconds
        How long an answer, or the lack of one, stands at least.
    stale_seconds
        How old an answer may get while the next one takes longer than scrapes wait; 0: such an answer is none.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], Answer],
        *,
        fresh_seconds: float = FRESH_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        stale_seconds: float = 0.0,
    ) -> None:
        self._name, self._ask = name, ask
        self._fresh_seconds, self._patience_seconds, self._stale_seconds = fresh_seconds, patience_seconds, stale_seconds
        self._guard = threading.Lock()
        self._under_way: threading.Thread | None = None
        self._begun_at = float("-inf")
        self._answer: Answer | None = None
        self._answered_at = float("-inf")
        self._ask_again_at = float("-inf")
        self._troubled = False

    def begin(self) -> None:
        """Ask, unless the last answer still stands or the question is under way."""
        with self._guard:
            if self._under_way is None and time.monotonic() > self._ask_again_at:
                self._under_way, self._begun_at = threading.Thread(target=self._run, name=self._name, daemon=True), time.monotonic()
                self._under_way.start()

    def answer(self) -> Answer | None:
        """The answer; ``None`` when there is none, or none in time: an old one is not passed off as new, unless that was agreed on."""
        self.begin()
        with self._guard:
            under_way, give_up = self._under_way, self._begun_at + self._patience_seconds
        if under_way is not None:
            under_way.join(max(give_up - time.monotonic(), 0))
        with self._guard:
            in_time = self._under_way is None or time.monotonic() - self._answered_at < self._stale_seconds
            return self._answer if in_time else None

    def _run(self) -> None:
        answer: Answer | None = None
        try:
            answer = self._ask()
        except GuidangError as error:
            self._tell(logging.WARNING, "%s: 没有答复 no answer: %s", self._name, error)
        except Exception:  # noqa: BLE001 - one collector's defect must not take the others' metrics with it
            self._tell(logging.ERROR, "%s: 没有答复 no answer", self._name, exc_info=True)
        else:
            if self._troubled:
                log.warning("%s: 已恢复 answers again", self._name)
            self._troubled = False
        with self._guard:
            now = time.monotonic()
            rest = _REST * (now - self._begun_at)
            if answer is None:
                rest = min(rest, _LONGEST_REST_AFTER_FAILURE_SECONDS)
            self._answer, self._answered_at, self._under_way = answer, now, None
            self._ask_again_at = now + max(self._fresh_seconds, rest)

    def _tell(self, level: int, text: str, *values: object, exc_info: bool = False) -> None:
        if not self._troubled:
            log.log(level, text, *values, exc_info=exc_info)
        self._troubled = True
