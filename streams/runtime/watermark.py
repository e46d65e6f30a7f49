"""The time up to which a reader may say that it has seen everything.

The broker is asked now and then where a partition ends, with all that was written, be it in a transaction or behind one that is
still open: its high watermark. What counts is the clock *before* the request: whatever was acknowledged at that moment lies below
the end in the answer. Once the reader's position is at or past that end, the moment becomes the watermark. A reader that lags gets
none, nor does one that stands in front of an open transaction: what lies behind that was acknowledged, and cannot be read yet.
"""

from __future__ import annotations

from collections import deque
from typing import Final

#: Answers kept per partition while the reader lags; beyond this the newest are dropped, the oldest are the next to be reached.
MOST_ANSWERS: Final = 64


class Watermark:
    """Watermark of one input partition; starts unknown with every assignment."""

    __slots__ = ("_answers", "value_ms")

    def __init__(self) -> None:
        self._answers: deque[tuple[int, int]] = deque()
        self.value_ms: int | None = None

    def answered(self, asked_ms: int, end: int) -> None:
        """Note that the broker, asked at ``asked_ms``, said that the partition ends at ``end``."""
        if len(self._answers) < MOST_ANSWERS:
            self._answers.append((asked_ms, end))

    def reached(self, position: int) -> int | None:
        """Return the watermark of a reader at ``position``; it never goes back, even if the clock does."""
        while self._answers and self._answers[0][1] <= position:
            asked_ms, _ = self._answers.popleft()
            self.value_ms = asked_ms if self.value_ms is None else max(self.value_ms, asked_ms)
        return self.value_ms
