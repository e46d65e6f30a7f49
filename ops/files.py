"""Small files of the data folder, that one process writes and others read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from streams.data_dir import usable


def read_if_there(path: Path) -> bytes | None:
    """What a file of the data folder holds; ``None`` when there is no such file, or no such folder."""
    with usable(path), suppress(FileNotFoundError, NotADirectoryError):
        return path.read_bytes()
    return None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)
