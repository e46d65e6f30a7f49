"""Backup and restore of the local system, at rest.

What is taken cannot be computed from anything else: Kafka's data, from which all figures come; the key of the title hash; the anchor of
a clock that was set; alerts still to be told; the file of settings. ClickHouse and the workers' state are left out: they fill themselves
again from Kafka, and a copy of theirs made at another moment would be one more thing that could disagree.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from ops.supervisor.process import marked
from ops.supervisor.record import Paths, read_record, refuse_while_copied, take_lock
from streams.clock import wall_ms
from streams.domain.time import iso
from streams.errors import BadInputFile, ConfigurationError, SystemRunning
from streams.settings import Settings, config_file

KAFKA = "kafka/data"
MANIFEST = "manifest.json"
SETTINGS = "guidang.toml"
_FORMAT = 1
_TAKEN = ("title.key", "clock-*.anchor", "notify", KAFKA)
"""In the order in which they are put back: with Kafka's data there, a restore is done."""
_IN_THE_WAY = (KAFKA, "clickhouse", "state")
_RESTORED = "restored"
"""Within the data folder: where a backup lies, whole and checked, until all of it is in its place."""
_CHUNK_BYTES = 1024 * 1024
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a backup holds, or what was restored from it.

    Parameters
    ----------
    settings_file
        Path of the settings within the backup; empty where no file of settings was in use.
    """

    folder: Path
    made_at: str
    files: int
    bytes: int
    settings_file: str


def back_up(settings: Settings, folder: Path, tell: Tell = lambda _done, _total: None) -> Taken:
    """Copy what must not be lost into a new folder, which appears when it is whole.

    Parameters
    ----------
    tell
        Called with bytes copied and bytes there are.

    Raises
    ------
    SystemRunning
        Files that are being written cannot be copied as of one moment.
    DataBeingCopied
        Another backup, or a restore, is under way.
    ConfigurationError
        Kafka is not ours, nothing has run here yet, the folder is in use, or there is no room.
    """
    if settings.kafka.bootstrap_servers:
        raise ConfigurationError(
            "Kafka 是外部的（kafka.bootstrap_servers），其数据由它自己的副本与备份保护；另请备份 title_key 与设置。"
            " Kafka is not ours: its own replicas and backups hold the data; keep title_key and settings beside it."
        )
    with _at_rest(settings), _written_whole(folder) as draft:
        if not (settings.home / KAFKA).is_dir():
            raise ConfigurationError(f"没有可备份的数据 there is nothing to back up in {settings.home}")
        sources = dict(_sources(settings))
        total = sum(path.stat().st_size for path in sources.values())
        _room(draft, total)
        copier = _Copier(total, tell)
        found = {name: copier.copy(path, draft / name) for name, path in sources.items()}
        made_at = iso(wall_ms() // 1000 * 1000)
        manifest = {"format": _FORMAT, "made_at": made_at, "files": found}
        (draft / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return Taken(folder, made_at, len(found), total, SETTINGS if SETTINGS in found else "")


def restore(settings: Settings, folder: Path, tell: Tell = lambda _done, _total: None) -> Taken:
    """Put a backup into a data folder without data; every byte is checked first, and all of it appears or none.

    One that was cut short while things were put in place is finished by the next; until then nothing begins (:func:`refuse_half_restored`).

    Raises
    ------
    BadInputFile
        It is no backup, or not any more what was taken.
    SystemRunning, DataBeingCopied, ConfigurationError
        The system runs; a backup, or another restore, is under way; there are data already, or half of another backup; Kafka is not ours;
        there is no room.
    """
    if settings.kafka.bootstrap_servers:
        raise ConfigurationError("Kafka 是外部的，没有可恢复到本机的 Kafka is not ours (kafka.bootstrap_servers): nothing to restore here")
    manifest = _manifest(folder)
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    total = sum(entry["bytes"] for entry in files.values())
    with _at_rest(settings):
        restored = settings.home / _RESTORED
        if not _half_restored(settings.home):
            _check_and_copy(folder, files, restored, _Copier(total, tell))
        elif (restored / MANIFEST).read_bytes() != (folder / MANIFEST).read_bytes():
            raise ConfigurationError(
                f"{restored} 里是恢复了一半的另一份备份：先用那一份做完，或删除它。"
                " It is another backup, half restored: finish that one first, or remove it."
            )
        _put_in_place(restored, settings.home)
    return Taken(folder, manifest["made_at"], len(files), total, SETTINGS if SETTINGS in files else "")


def refuse_half_restored(home: Path) -> None:
    """Let nothing begin where a restore was cut short: it would begin without the data, which would then be in the restore's way.

    Raises
    ------
    ConfigurationError
        One was.
    """
    if _half_restored(home):
        raise ConfigurationError(
            f"{home} 里的恢复没有做完：用同一份备份再运行一次 guidang restore。"
            " A restore was cut short there: run guidang restore once more, with the same backup."
        )


def _half_restored(home: Path) -> bool:
    """Whether Kafka's data, which are put in place last, are still missing there."""
    return (home / _RESTORED / KAFKA).exists()


def _check_and_copy(folder: Path, files: Mapping[str, Mapping[str, Any]], restored: Path, copier: _Copier) -> None:
    home = restored.parent
    if there := [name for name in _IN_THE_WAY if (home / name).exists()]:
        raise ConfigurationError(
            f"{home} 里已有数据 has data already ({', '.join(there)})："
            "用 --data-dir 指定新目录，或先把这些移走 choose another --data-dir, or move them away first"
        )
    for left in (restored, *home.glob(f".{_RESTORED}.*")):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    with _written_whole(restored) as draft:
        _room(draft, sum(entry["bytes"] for entry in files.values()))
        for name, entry in files.items():
            if not (folder / name).is_file() or copier.copy(folder / name, draft / name) != entry:
                raise BadInputFile(f"备份已损坏 the backup is damaged: {folder / name}")
        shutil.copyfile(folder / MANIFEST, draft / MANIFEST)


@contextmanager
def _at_rest(settings: Settings) -> Iterator[None]:
    """Hold the supervisor's lock, so that nothing is started meanwhile; what a dead supervisor left running counts, too."""
    paths = Paths(settings.home)
    paths.make()
    lock = take_lock(paths.lock)
    if lock is None:
        refuse_while_copied(paths)
    running = any(entry.process and entry.process.running for entry in read_record(paths.record).entries) or marked(paths.home)
    if lock is None or running:
        raise SystemRunning(f"系统正在运行（{settings.home}）：先 guidang down。 The system is running: guidang down first.")
    with lock, take_lock(paths.copying) or nullcontext():  # the second says what holds the first
        yield


@contextmanager
def _written_whole(folder: Path) -> Iterator[Path]:
    """A folder beside, for its owner alone, that takes the name when it is complete, and is removed when it is not."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} 已存在且不为空 exists and is not empty")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        draft.mkdir(mode=0o700, parents=True)
        yield draft
        draft.replace(folder)
    except OSError as error:
        raise ConfigurationError(f"{folder} 写不成 cannot be written: {error.strerror} ({error.filename or folder})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sources(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Name within the backup, and the file, of everything that is taken."""
    for pattern in _TAKEN:
        for found in sorted(settings.home.glob(pattern)):
            for path in sorted(found.rglob("*")) if found.is_dir() else [found]:
                if path.is_file():
                    yield path.relative_to(settings.home).as_posix(), path
    if config_file().is_file():
        yield SETTINGS, config_file()


class _Copier:
    """Copies files, onto the disk and not only into its cache, and counts."""

    def __init__(self, total: int, tell: Tell) -> None:
        self._total, self._tell, self._done = total, tell, 0

    def copy(self, source: Path, target: Path) -> dict[str, Any]:
        """Copy one and return its size and digest."""
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with source.open("rb") as read, target.open("wb") as written:
            while chunk := read.read(_CHUNK_BYTES):
                written.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                self._done += len(chunk)
                self._tell(self._done, self._total)
            written.flush()
            os.fsync(written.fileno())
        target.chmod(0o600)
        return {"bytes": size, "sha256": digest.hexdigest()}


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
        if found["format"] != _FORMAT:
            raise BadInputFile(
                f"{folder}: 备份格式 format {found['format']}，本程序只认 this program knows {_FORMAT}: 请用写它的版本 use that version"
            )
        outside = [name for name in found["files"] if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    except (OSError, KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise BadInputFile(f"{folder} 不是 guidang backup 写的 is no backup of ours") from error
    if outside:
        raise BadInputFile(f"{folder}: 文件在备份之外 files outside of the backup: {outside[0]}")
    return found


def _room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ConfigurationError(f"空间不足 no room in {folder.parent}: {needed:,} B > {free:,} B")


def _put_in_place(restored: Path, home: Path) -> None:
    for pattern in _TAKEN:
        for found in sorted(restored.glob(pattern)):
            target = home / found.relative_to(restored)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                shutil.rmtree(target)
            found.replace(target)
    shutil.rmtree(restored)
