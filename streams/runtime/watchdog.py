"""What notices that nothing happens although there is work.

Two halves. :class:`Watchdog` judges progress, on the event loop, from what it is shown. :class:`LoopGuard` is a thread that
ends the process when the loop itself no longer turns. Both count the time they were awake, not the time that went by: a
process that was stopped for a minute and woken has not stalled.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from streams.errors import Stalled

logger = logging.getLogger(__name__)

#: A longer gap between two looks means that the process was asleep.
LONGEST_LOOK_S: Final = 3.0


@dataclass(slots=True)
class Pulse:
    """Counters that go up as long as the parts that beat them are alive.

    Parameters
    ----------
    patience_s
        How much longer than usual the loop may stand still just now: what it waits for is known to take its time. Whoever takes it back
        beats first: the time that was waited is past, and no standing still.
    """

    loop: int = 0
    reads: int = 0
    probes: int = 0
    patience_s: float = 0.0

    def read(self) -> None:
        """Count one turn of the drain loop."""
        self.reads += 1


@dataclass(slots=True)
class _Seen:
    token: Hashable
    since_s: float


class Watchdog:
    """Judges progress.

    Parameters
    ----------
    stall_s
        How long something may be busy without its token changing, in seconds awake.
    """

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._awake_s = 0.0
        self._last = time.monotonic()
        self._seen: dict[str, _Seen] = {}

    def look(self) -> None:
        """Begin a round; call it about once a second."""
        now = time.monotonic()
        self._awake_s += min(now - self._last, LONGEST_LOOK_S)
        self._last = now

    def check(self, name: str, token: Hashable, *, busy: bool) -> None:
        """Show the progress of one part.

        Parameters
        ----------
        name
            What it is, for the message.
        token
            Anything that is different after progress was made.
        busy
            Whether there is work. What is idle cannot stall.

        Raises
        ------
        Stalled
            It was busy with the same token for too long.
        """
        seen = self._seen.get(name)
        if seen is None or seen.token != token or not busy:
            self._seen[name] = _Seen(token, self._awake_s)
        elif self._awake_s - seen.since_s > self._stall_s:
            raise Stalled(f"{name}: no progress for {self._awake_s - seen.since_s:.0f} s at {token}")

    def forget(self, name: str) -> None:
        """Drop a part that is gone."""
        self._seen.pop(name, None)


class LoopGuard:
    """Thread that ends the process, with all stacks on stderr, when its loop stands still or a stop takes too long.

    Parameters
    ----------
    pulse
        Its ``loop`` counter is beaten by the loop: a coroutine of a worker's, each turn of the sink's.
    stall_s
        Seconds awake without a beat.
    """

    def __init__(self, pulse: Pulse, stall_s: float) -> None:
        self._pulse = pulse
        self._stall_s = stall_s
        self._stopped = threading.Event()
        self._deadline: tuple[float, int] | None = None
        threading.Thread(target=self._run, name="loop-guard", daemon=True).start()

    def stop(self) -> None:
        """Guard no longer."""
        self._stopped.set()

    def end_within(self, seconds: float, exit_code: int) -> None:
        """End the process with ``exit_code`` unless :meth:`stop` is called in time."""
        self._deadline = time.monotonic() + seconds, exit_code

    def _run(self) -> None:
        beat, silent = self._pulse.loop, 0.0
        while not self._stopped.wait(1.0):
            patience_s = self._pulse.patience_s  # before the beat: whose patience ends between the two has beaten by then
            if self._pulse.loop != beat:
                beat, silent = self._pulse.loop, 0.0
            else:
                silent += 1.0
            if self._deadline is not None:
                if time.monotonic() > self._deadline[0]:
                    end_process("the stop took too long", self._deadline[1])
            elif silent > self._stall_s + patience_s:
                end_process(f"the loop has not turned for {silent:.0f} s", 1)


def end_process(reason: str, code: int) -> None:
    """End the process at once, with all stacks on stderr: the last resort, when it cannot be left in good order.

    The reason comes last: whoever restarts processes tells people their last words.
    """
    faulthandler.dump_traceback(file=sys.stderr)
    sys.stderr.flush()
    logger.critical("process ends: %s", reason)
    os._exit(code)
