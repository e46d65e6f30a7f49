"""Asking again while what a command needs is away for a short time: it may be the supervisor that starts it again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from streams.errors import DependencyError, NotAllowed

RESTART_SECONDS = 60.0
"""Enough for what ends again and again: the supervisor pauses for up to 15 s before it starts Kafka once more, which takes some seconds."""
_PAUSE_SECONDS = 0.25

Answer = TypeVar("Answer")


def patiently(question: Callable[[], Answer], seconds: float, *, until: float = math.inf) -> Answer:
    """Ask until there is an answer, for at most ``seconds`` after the first time that there was none: a question may itself take long.

    Parameters
    ----------
    until
        Monotonic time at which whoever waits has waited long enough.

    Raises
    ------
    DependencyError
        The last one, when the time is over; :class:`streams.errors.NotAllowed` at once: no waiting gives a right.
    """
    give_up: float | None = None
    while True:
        try:
            return question()
        except NotAllowed:
            raise
        except DependencyError:
            give_up = give_up or min(time.monotonic() + seconds, until)
            if time.monotonic() > give_up:
                raise
        time.sleep(_PAUSE_SECONDS)
