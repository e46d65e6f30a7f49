"""The only module that reads the wall clock.

A clock answers *what time is it for the cases*. Time-outs use :func:`time.monotonic` and never this. ``GUIDANG_CLOCK`` sets the
clock to another time, from which it runs on; to be the same in every process, and after a restart, it is anchored: the pair
(time said, wall time when it was said) is what defines it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall clock shifted by a constant.

    Parameters
    ----------
    shift_ms
        Milliseconds to add to the wall clock; 0 is the wall clock itself.
    """

    shift_ms: int = 0

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        return time.time_ns() // 1_000_000 + self.shift_ms


def wall_ms() -> int:
    """Return the machine's own time, UTC epoch milliseconds: for anchors, file stamps and the order of work, never for verdicts."""
    return time.time_ns() // 1_000_000
