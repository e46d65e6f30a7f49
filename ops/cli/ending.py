"""How commands end that have started something of their own."""

from __future__ import annotations

import signal
import sys

_TERMINATED = 143


def clean_up_on_sigterm() -> None:
    """Have SIGTERM end the command as an exception does, so that what it started is stopped and what it wrote is removed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
