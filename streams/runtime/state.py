"""The local store of one partition: tables, sorted index and changelog positions, always changed together.

What is in here is a copy. The changelog topics hold the truth; the store remembers how far of them it holds, and of which
topic incarnation, so that a restart reads only the tail. Everything of one transaction goes into one write batch *after* the
transaction committed: a crash in between leaves a store that is behind, which reading the tail heals, and never one that is
ahead of the log or torn.
"""

from __future__ import annotations

import shutil
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, ReadOptions, WriteBatch

from streams.errors import ConfigurationError, EngineError
from streams.runtime import index

#: Layout of this module's records; a store of another format is discarded and read back from the changelogs.
FORMAT: Final = 2

Pair = tuple[bytes, bytes]

#: A file in the directory of a store that turned out to be damaged in use: whoever opens it next makes it anew.
_DAMAGED: Final = "damaged"
#: What RocksDB begins with, whatever part of a file is not what was written.
_CORRUPTION: Final = "Corruption"
_META: Final = b"m"
_INDEX: Final = b"i"
_INDEX_END: Final = b"j"
_TABLE: Final = b"t"
_REMEMBERED_BOUNDS: Final = 1_024
"""More than the places that are looked at all the time, of which each source with heartbeats has one."""
_BUFFER_BYTES: Final = 16 * 1024 * 1024
_CACHE: Final = Cache(64 * 1024 * 1024)
"""Of blocks that were read, one for all partitions of a process."""
_FILTER_BITS: Final = 10
"""A key: most are asked for before they exist, and a filter answers that without a look into every file."""
_NEW_FILES: Final = 8
"""Written before they are merged into the rest, which at a million cases is written anew for it; RocksDB's own number is 4."""


@dataclass(slots=True)
class Changes:
    """What one write does to a store.

    Parameters
    ----------
    values
        Table to key to new entry (:func:`streams.runtime.index.entry`); ``None`` deletes, which only a foreign tombstone does.
    added, removed
        Positions of index pairs (:func:`streams.runtime.index.join`) that appear and disappear with it.
    positions
        Changelog topic to the offset after its last record in ``values``.
    """

    values: Mapping[str, Mapping[bytes, bytes | None]]
    added: Iterable[bytes] = ()
    removed: Iterable[bytes] = ()
    positions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a store must have been made from to be of use.

    Parameters
    ----------
    incarnations
        Changelog topic to its topic id: a topic deleted and created again has the same name and another id.
    fingerprint
        The job's: what its ``restored`` makes of a record may have changed with it.
    """

    incarnations: Mapping[str, str]
    fingerprint: str

    def encode(self) -> bytes:
        """Return the bytes kept in the store."""
        return orjson.dumps([FORMAT, self.fingerprint, dict(self.incarnations)], option=orjson.OPT_SORT_KEYS)


class Store:
    """The store of one partition; one process at a time, one thread at a time.

    Parameters
    ----------
    path
        Its directory, created if need be.
    identity
        If the store on disk is of another identity it is discarded, and every position is ``None``.

    Raises
    ------
    ConfigurationError
        Another process has it open: two workers share a name or a directory.
    EngineError
        From any method: what is on disk is damaged. The store is of no further use, and is made anew when it is opened the next time.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = _open(path)
        self._empty_to: dict[bytes, bytes] = {}
        if (path / _DAMAGED).exists() or self._identity() != identity.encode():
            self._db.close()
            shutil.rmtree(path)
            self._db = _open(path)
            self._db.put(_META + b"identity", identity.encode())

    def position(self, changelog: str) -> int | None:
        """Return the offset up to which a changelog is held; ``None``: not at all."""
        with self._given_up_if_damaged():
            found = self._db.get(_META + b"p" + changelog.encode())
        return None if found is None else int(found)

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return committed entries in the order of ``keys``."""
        prefix = _prefix(table)
        with self._given_up_if_damaged():
            found: list[bytes | None] = self._db.get([prefix + key for key in keys])
        return found

    def keys(self, table: str, after: bytes | None, limit: int) -> list[bytes]:
        """Return up to ``limit`` keys of a table in byte order, beginning after ``after`` (``None``: from the first)."""
        prefix = _prefix(table)
        start = prefix if after is None else prefix + after + b"\x00"
        found: list[bytes] = []
        for position in self._walk(start, prefix[:-1] + b"\x01"):
            if len(found) == limit:
                break
            found.append(position[len(prefix) :])
        return found

    def scan(self, low: bytes, high: bytes, after: Pair | None = None) -> Iterator[bytes]:
        """Yield positions of index pairs with ``low <= term < high`` in order, beginning after the pair ``after``.

        Deadlines are added and deleted all the time near the low end, and a walk over deleted entries costs as much as one
        over live ones. So the store remembers, per ``low``, up to where it has found nothing.
        """
        start = _INDEX + (index.bound(low) if after is None else index.join(*after) + b"\x00")
        end = _INDEX + index.bound(high)
        first = after is None
        if first:
            start = max(start, self._empty_to.get(low, start))
        for position in self._walk(start, end):
            if first:
                self._remember(low, position)
                first = False
            yield position[1:]
        if first:
            self._remember(low, max(start, end))

    def write(self, changes: Changes) -> None:
        """Apply changes, all or nothing."""
        batch = WriteBatch(raw_mode=True)
        for table, values in changes.values.items():
            prefix = _prefix(table)
            for key, value in values.items():
                if value is None:
                    batch.delete(prefix + key)
                else:
                    batch.put(prefix + key, value)
        for position in changes.removed:
            batch.delete(_INDEX + position)
        added = sorted(_INDEX + position for position in changes.added)
        for place in added:
            batch.put(place, b"")
        self._correct_remembered(added)
        for changelog, at in changes.positions.items():
            batch.put(_META + b"p" + changelog.encode(), str(at).encode())
        with self._given_up_if_damaged():
            self._db.write(batch)

    def close(self) -> None:
        """Close; the directory may then be opened again, by this process or another."""
        self._db.close()

    def _walk(self, start: bytes, end: bytes) -> Iterator[bytes]:
        if start >= end:
            return
        # Without the bound, a seek that finds nothing goes on through whatever was deleted behind the end.
        bounded = ReadOptions()
        bounded.set_iterate_upper_bound(end)
        entries = self._db.iter(bounded)
        entries.seek(start)
        while entries.valid():
            position: bytes = entries.key()
            yield position
            entries.next()
        # A walk that meets a damaged block ends there, as if there were no more.
        with self._given_up_if_damaged():
            entries.status()

    def _identity(self) -> bytes | None:
        """Of what the store was made; a store that cannot tell is of no identity."""
        try:
            found: bytes | None = self._db.get(_META + b"identity")
        except Exception as exc:
            if _CORRUPTION not in str(exc):
                raise
            return None
        return found

    @contextmanager
    def _given_up_if_damaged(self) -> Iterator[None]:
        """Have a store made anew that cannot be read or written as it was: the changelog has everything.

        Not at once: state must not change under a unit of work. The process ends, and the next start reads it back.
        """
        try:
            yield
        except Exception as exc:
            if _CORRUPTION not in str(exc):
                raise
            (self.path / _DAMAGED).touch()
            raise EngineError(
                f"{self.path} 损坏，下次启动时从变更日志重建 is damaged, and will be made anew from the changelogs at the next start: {exc}"
            ) from exc

    def _remember(self, low: bytes, empty_to: bytes) -> None:
        self._empty_to.pop(low, None)  # what was used last is last in the dictionary, and stays longest
        if len(self._empty_to) >= _REMEMBERED_BOUNDS:
            self._empty_to.pop(next(iter(self._empty_to)))
        self._empty_to[low] = empty_to

    def _correct_remembered(self, added: Sequence[bytes]) -> None:
        """Let each stretch known to be empty end at the first of these places, in order, that lies in it."""
        if not added:
            return
        for low, empty_to in self._empty_to.items():
            at = bisect_left(added, _INDEX + index.bound(low))
            if at < len(added) and added[at] < empty_to:
                self._empty_to[low] = added[at]


def _prefix(table: str) -> bytes:
    return _TABLE + table.encode() + b"\x00"


def _open(path: Path) -> Any:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_level_zero_file_num_compaction_trigger(_NEW_FILES)
    options.set_keep_log_file_num(1)
    options.set_max_open_files(256)
    blocks = BlockBasedOptions()
    blocks.set_block_cache(_CACHE)
    blocks.set_bloom_filter(_FILTER_BITS, False)
    options.set_block_based_table_factory(blocks)
    try:
        return Rdict(str(path), options)
    except Exception as exc:
        # Of all that it may say, only what is about the lock file: a block, too, has "lock" in its name.
        if f"{path}/LOCK: " in str(exc):
            raise ConfigurationError(f"{path} is open in another process: give each worker a name and a data directory of its own") from exc
        # A store that cannot be opened is worth no more than one that is absent: the changelog has everything.
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
        return Rdict(str(path), options)
