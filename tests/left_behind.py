"""What processes of a test are still there."""

from __future__ import annotations

import os
from pathlib import Path


def processes(temp: Path) -> dict[int, str]:
    """Command lines of processes that use the folder, by process id."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if str(temp).encode() in command + environment and process.name != str(os.getpid()):
            found[int(process.name)] = command.replace(b"\0", b" ").decode()
    return found


def left_behind(temp: Path) -> list[str]:
    """Command lines of processes that still use the folder."""
    return list(processes(temp).values())
