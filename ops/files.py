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
    """Write a file in one step, onto the disk and not only into its cache: after a power cut it is the former one or this one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    with suppress(OSError):  # there are file systems on which a folder cannot be
        _sync(path.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
