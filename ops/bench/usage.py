"""What processes use, as the kernel counts it (Linux, ``proc(5)``)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_BLOCK_BYTES = 512
"""Unit of ``st_blocks`` (``stat(2)``), whatever the file system's own."""
_USER, _SYSTEM = 11, 12
"""Places of utime and stime in ``/proc/PID/stat`` behind the name."""


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of processes so far, all threads; those that are gone count nothing."""
    ticks = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[_USER]) + int(fields[_SYSTEM])
    return ticks / _TICKS_PER_SECOND


def peak_rss_bytes(pids: Iterable[int]) -> int:
    """The most memory each process has held so far, summed up."""
    total = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            total += 1024 * int(found[1]) if found else 0
    return total


def folder_bytes(folder: Path) -> int:
    """What the files under a folder take of the disk: Kafka's indexes are 10 MB long and empty. They may come and go meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_blocks * _BLOCK_BYTES
    return total
