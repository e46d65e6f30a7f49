"""When a channel may send next: the robot's limit, the wait for company, and patience after failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from consumers.notify.answers import Outcome, Verdict

WINDOW_MS: Final = 61_000
"""A robot counts over a minute; the rest is for clocks that differ."""
_MOST_RETRY_AFTER_MS: Final = 3_600_000
_PATIENCE_MS: Final[Mapping[Verdict, tuple[int, int]]] = {
    "throttled": (60_000, 600_000),  # DingTalk closes a robot that sent too much for ten minutes
    "unreachable": (1_000, 300_000),
    "refused": (300_000, 3_600_000),
    "unwanted": (300_000, 3_600_000),
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a channel may be.

    Parameters
    ----------
    per_window
        Messages within any ``window_ms``, whether they arrived or not.
    linger_ms
        How long the first alert waits for others.
    patience_ms
        Verdict to the first and the longest wait after it.
    """

    per_window: int
    linger_ms: int
    window_ms: int = WINDOW_MS
    patience_ms: Mapping[Verdict, tuple[int, int]] = field(default_factory=lambda: _PATIENCE_MS)

    def next_ms(self, *, queued_ms: int, sent_ms: Sequence[int], held_until_ms: int) -> int:
        """When the next message may be sent.

        Parameters
        ----------
        queued_ms
            When the alert that waits longest came.
        sent_ms
            When each of the last messages was over and done, oldest first.
        """
        full = sent_ms[-self.per_window] + self.window_ms if len(sent_ms) >= self.per_window else 0
        return max(queued_ms + self.linger_ms, full, held_until_ms)

    def wait_ms(self, outcome: Outcome, failures: int) -> int:
        """How long to wait after an outcome that is not ``sent``, the ``failures``-th of its kind in a row, from 1."""
        first, longest = self.patience_ms[outcome.verdict]
        doubled = min(longest, first << min(failures - 1, 30))
        return max(doubled, min(_MOST_RETRY_AFTER_MS, (outcome.retry_after_seconds or 0) * 1000))
