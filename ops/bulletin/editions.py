"""Editions (版次): folders that are written once, whole or not at all, and never changed.

::

    OUT/2018-Q1/draft/           replaced by each draft
    OUT/2018-Q1/edition-1/       published: read-only files, edition.json with the SHA-256 of each
    OUT/2018-Q1/edition-2/       a re-issue; its edition.json also has the SHA-256 of edition 1's, so that the chain holds together
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from streams.errors import ConfigurationError, TamperedEdition

DRAFT, RECORD = "draft", "edition.json"
_EDITION = re.compile(r"edition-(\d+)", re.ASCII)
_UNFINISHED = ".unfinished-"
_READ_ONLY = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_FOLDER = 0o755


@dataclass(frozen=True, slots=True)
class Edition:
    """One published edition."""

    number: int
    folder: Path
    record: Mapping[str, Any]

    @property
    def mark(self) -> str:
        """SHA-256 of its record, which vouches for all its files."""
        return _sha256((self.folder / RECORD).read_bytes())

    def read(self, name: str) -> bytes:
        """One of its files."""
        return (self.folder / name).read_bytes()


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold a period's folder alone, made if need be, cleared of what a killed run left.

    Raises
    ------
    ConfigurationError
        The folder cannot be written, or another run holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise ConfigurationError(f"不能写入 cannot write: {folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(f"另一个 guidang report 正在写 another run is writing: {folder}") from error
        for left in folder.glob(_UNFINISHED + "*"):
            shutil.rmtree(left)
        yield


def editions(folder: Path) -> list[Edition]:
    """All editions of a period, the first one first, each verified.

    Raises
    ------
    TamperedEdition
        One is missing, or is not what was published; the message names the files.
    """
    numbers = sorted(int(found[1]) for path in folder.iterdir() if (found := _EDITION.fullmatch(path.name)))
    if numbers != list(range(1, len(numbers) + 1)):
        raise TamperedEdition(f"{folder}: 版次不连续 editions are missing: {numbers}")
    published = [_verified(number, folder / f"edition-{number}") for number in numbers]
    for before, after in pairwise(published):
        if after.record.get("previous") != before.mark:
            raise TamperedEdition(f"{before.folder / RECORD}: 与第 {after.number} 版所记不符 is not what that edition was issued after")
    return published


def write_draft(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Put a draft in the place of the last one."""
    draft, old = folder / DRAFT, folder / f"{_UNFINISHED}old"
    new = _written(folder, files)
    if draft.exists():
        draft.rename(old)
    new.rename(draft)
    shutil.rmtree(old, ignore_errors=True)
    return draft


def publish(folder: Path, number: int, files: Mapping[str, bytes], record: Mapping[str, Any]) -> Edition:
    """Write an edition: read-only, complete on disk before it has its name.

    Parameters
    ----------
    record
        What ``edition.json`` says beside the hashes of the files.
    """
    hashes = {name: _sha256(content) for name, content in sorted(files.items())}
    whole = {**record, "edition": number, "files": hashes}
    data = orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    new = _written(folder, {**files, RECORD: data})
    for path in new.rglob("*"):
        if path.is_file():
            path.chmod(_READ_ONLY)
    final = folder / f"edition-{number}"
    new.rename(final)
    _sync(folder)
    return Edition(number, final, whole)


def _verified(number: int, folder: Path) -> Edition:
    try:
        record = orjson.loads((folder / RECORD).read_bytes())
        said: dict[str, str] = record["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TamperedEdition(f"{folder / RECORD}: 读不出 cannot be read: {error}") from error
    present = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    del present[RECORD]
    wrong = sorted(set(said) ^ set(present))
    wrong += [name for name, path in sorted(present.items()) if name in said and _sha256(path.read_bytes()) != said[name]]
    if wrong:
        raise TamperedEdition(f"{folder}: 与发布时不符 not what was published: {', '.join(wrong)}")
    return Edition(number, folder, record)


def _written(folder: Path, files: Mapping[str, bytes]) -> Path:
    new = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
    new.chmod(_FOLDER)
    for name, content in files.items():
        path = new / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as written:
            written.write(content)
            written.flush()
            os.fsync(written.fileno())
    for inner in {(new / name).parent for name in files}:
        _sync(inner)
    return new


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
