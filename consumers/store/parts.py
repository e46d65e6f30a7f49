"""Whether what the engine wrote is on the disk: chDB (4.4.0) loses the end of a file on a full disk, and says that all is well.

An INSERT or a merge that is cut short like that leaves a part which the engine takes for whole until somebody reads it, or until the next
start, which puts it aside. What was merged into it must be there still by then: the tables keep it for eight minutes
(``old_parts_lifetime``, ClickHouse's own default; chDB's is 0).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

PARTS = "SELECT path, bytes_on_disk FROM system.parts WHERE active"
_UNCOUNTED = frozenset(
    {"checksums.txt", "columns.txt", "columns_substreams.txt", "default_compression_codec.txt", "metadata_version.txt", "txn_version.txt"}
)
"""Files of a part that its size (``bytes_on_disk``) leaves out; none of them is ever empty."""


class PartCheck:
    """Compares each part with its size once."""

    def __init__(self) -> None:
        self._whole: set[str] = set()

    def broken(self, parts: Iterable[tuple[str, int]]) -> list[str]:
        """Folders of active parts (path, size by the engine's own account) that hold another number of bytes."""
        listed = dict(parts)
        self._whole &= listed.keys()
        found = [path for path, size in listed.items() if path not in self._whole and not _is_whole(path, size)]
        self._whole.update(listed.keys() - set(found))
        return found


def _is_whole(path: str, size: int) -> bool:
    try:
        files = list(_files(path))
    except FileNotFoundError:  # merged and removed since the engine was asked
        return True
    return sum(bytes_ for name, bytes_ in files if name not in _UNCOUNTED) == size and all(
        bytes_ for name, bytes_ in files if name in _UNCOUNTED
    )


def _files(folder: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path)
            else:
                yield entry.name, entry.stat().st_size
