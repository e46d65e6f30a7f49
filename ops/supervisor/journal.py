"""The supervisor's own log: a file, and the terminal where there is one."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.clock import wall_ms

_ZONE = ZoneInfo("Asia/Shanghai")
_LARGEST_BYTES = 20 * 1024 * 1024
_MOST_HELD = 1_000


class Journal:
    """Lines with time and name of the process they are about.

    Parameters
    ----------
    echo
        Also given each line, without its time.
    """

    def __init__(self, path: Path, echo: Callable[[str], None] = lambda _line: None) -> None:
        self._path = path
        self._echo = echo
        self._held: deque[str] = deque(maxlen=_MOST_HELD)
        turn_over(path)

    def write(self, name: str, message: str) -> None:
        """Append one line; what a full disk does not take is written with the next line that it takes."""
        time = dt.datetime.fromtimestamp(wall_ms() / 1000, _ZONE).isoformat(timespec="milliseconds")
        self._held.append(f"{time} [{name}] {message}\n")
        with suppress(OSError):
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(self._held)
            self._held.clear()
        with suppress(OSError):  # it may go into a file on the same disk
            self._echo(f"[{name}] {message}")


def turn_over(path: Path) -> None:
    """Set a log aside that has grown too large; one earlier generation is kept."""
    if path.exists() and path.stat().st_size > _LARGEST_BYTES:
        path.replace(path.with_name(path.name + ".1"))
