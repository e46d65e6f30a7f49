"""What waits to be told, and what was told last: SQLite, so that neither SIGKILL nor a power cut loses an alert.

For each channel and fingerprint one state waits at most: the last. What was told last is kept to know news from repetition; while a
message is under way it is not known what people have seen, so it is forgotten first and written down again once the message arrived.
A crash in between repeats a message and never skips one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from consumers.notify.alert import Alert, Waiting
from streams.domain.time import DAY_MS, HOUR_MS
from streams.errors import DependencyError

_VERSION: Final = 1
_KEPT_MS: Final = 90 * DAY_MS
"""What was told longer ago is forgotten: should such an alert be delivered again, it is told again."""
_REMIND_SHARE: Final = 0.9
"""Of the interval: an alert is told a while after it is delivered, and a delivery exactly one interval later is its reminder."""
_BUSY_SECONDS: Final = 5.0
_SENDS_KEPT_MS: Final = HOUR_MS
_LONGEST_HOLD_MS: Final = HOUR_MS
_TABLES: Final = """
CREATE TABLE waiting (
  position INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, fingerprint TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  status TEXT NOT NULL, starts_ms INTEGER NOT NULL, ends_ms INTEGER, labels TEXT NOT NULL, annotations TEXT NOT NULL,
  queued_ms INTEGER NOT NULL, merged INTEGER NOT NULL DEFAULT 0, repeated INTEGER NOT NULL DEFAULT 0,
  UNIQUE (channel, fingerprint)
) STRICT;
CREATE TABLE told (
  channel TEXT NOT NULL, fingerprint TEXT NOT NULL, status TEXT NOT NULL, starts_ms INTEGER NOT NULL, told_ms INTEGER NOT NULL,
  PRIMARY KEY (channel, fingerprint)
) STRICT;
CREATE TABLE backfill (
  channel TEXT NOT NULL, fingerprint TEXT NOT NULL, starts_ms INTEGER NOT NULL, alertname TEXT NOT NULL, counted_ms INTEGER NOT NULL,
  told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (channel, fingerprint, starts_ms)
) STRICT;
CREATE TABLE sends (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, over_ms INTEGER NOT NULL) STRICT;
CREATE TABLE held (channel TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """An alert that a channel takes.

    Parameters
    ----------
    remind_ms
        It is told again when it goes on and is delivered again after so long, or a tenth sooner; 0: never.
    """

    channel: str
    remind_ms: int
    alert: Alert


class Queue:
    """The file. For one thread; another process may use it for a moment.

    Parameters
    ----------
    path
        Made, for its owner alone, when it is not there.

    Raises
    ------
    DependencyError
        It cannot be opened, or is not such a file.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._make(path)
        except (OSError, sqlite3.Error) as error:
            raise DependencyError(
                f"通知队列打不开：{path}：{error}。若文件已损坏，把它移走再启动，Alertmanager 会重发仍在发生的告警。"
                f" The queue cannot be opened; if it is damaged, move it away and start again: Alertmanager repeats what goes on."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def accept(self, taken: Iterable[Taken], now_ms: int) -> int:
        """Write alerts down, durably and all or none; return how many were news. Repetitions change nothing.

        Raises
        ------
        sqlite3.Error
            They are not written down: the disk is full, or gone.
        """
        with self._transaction():
            return sum(self._accept(one, now_ms) for one in taken)

    def waiting(self, channel: str) -> list[Waiting]:
        """What waits, in order of arrival."""
        rows = self._db.execute(
            "SELECT position, version, fingerprint, status, starts_ms, ends_ms, labels, annotations, queued_ms, merged, repeated"
            " FROM waiting WHERE channel = ? ORDER BY position",
            (channel,),
        )
        return [_waiting(row) for row in rows]

    def backfill(self, channel: str) -> dict[str, int]:
        """Alert name to alerts about records of long ago, counted and not yet told of."""
        return dict(self._db.execute("SELECT alertname, count(*) FROM backfill WHERE channel = ? AND told = 0 GROUP BY 1", (channel,)))

    def oldest_ms(self, channel: str) -> int | None:
        """Since when something waits; ``None``: nothing does."""
        found: int | None = self._db.execute("SELECT min(queued_ms) FROM waiting WHERE channel = ?", (channel,)).fetchone()[0]
        return found

    def numbers(self) -> dict[str, int]:
        """Channel to how many alerts wait for it."""
        return dict(self._db.execute("SELECT channel, count(*) FROM waiting GROUP BY 1"))

    def keep_only(self, channels: Collection[str]) -> dict[str, int]:
        """Forget what waits for other channels, and what they were told; return how many alerts waited for each of them.

        What waits may have been told by another channel since, or be over: one that is put back is told what goes on then.
        """
        others = f"channel NOT IN ({', '.join('?' * len(channels))})"
        with self._transaction():
            gone = {channel: number for channel, number in self.numbers().items() if channel not in channels}
            for table in ("waiting", "told", "backfill"):
                self._db.execute(f"DELETE FROM {table} WHERE {others}", tuple(channels))  # noqa: S608 - names of our own
        return gone

    def sent_ms(self, channel: str) -> list[int]:
        """When each of the last messages, arrived or not, was over and done."""
        return [over for (over,) in self._db.execute("SELECT over_ms FROM sends WHERE channel = ? ORDER BY over_ms", (channel,))]

    def held_until_ms(self, channel: str) -> int:
        """Until when the robot wants to be left alone; 0: it does not."""
        found = self._db.execute("SELECT until_ms FROM held WHERE channel = ?", (channel,)).fetchone()
        return int(found[0]) if found else 0

    def mend(self, now_ms: int) -> None:
        """Times that lie ahead, because the clock was put back, become now: nothing may wait for a time that was never meant."""
        self._db.execute("UPDATE sends SET over_ms = ?1 WHERE over_ms > ?1", (now_ms,))
        self._db.execute("UPDATE waiting SET queued_ms = ?1 WHERE queued_ms > ?1", (now_ms,))
        self._db.execute("UPDATE told SET told_ms = ?1 WHERE told_ms > ?1", (now_ms,))
        self._db.execute("UPDATE held SET until_ms = ?1 WHERE until_ms > ?1", (now_ms + _LONGEST_HOLD_MS,))

    def begin(self, channel: str, told: Sequence[Waiting], now_ms: int) -> int:
        """Before a message goes out: it counts against the limit, and what its alerts' last news were is unknown. Return its number."""
        with self._transaction():
            self._db.execute("DELETE FROM sends WHERE over_ms < ?", (now_ms - _SENDS_KEPT_MS,))
            self._db.executemany("DELETE FROM told WHERE channel = ? AND fingerprint = ?", ((channel, w.alert.fingerprint) for w in told))
            return int(self._db.execute("INSERT INTO sends (channel, over_ms) VALUES (?, ?)", (channel, now_ms)).lastrowid or 0)

    def sent(self, channel: str, number: int, told: Sequence[Waiting], backfill: Mapping[str, int], now_ms: int) -> None:
        """The message arrived. A state that came while it was under way goes on waiting."""
        with self._transaction():
            self._over(number, now_ms)
            self._db.execute("DELETE FROM held WHERE channel = ?", (channel,))
            for waiting in told:
                self._told(channel, waiting, now_ms)
            self._settle(channel)
            if backfill:
                self._db.execute("UPDATE backfill SET told = 1 WHERE channel = ? AND told = 0", (channel,))
            self._db.execute("DELETE FROM told WHERE told_ms < ?", (now_ms - _KEPT_MS,))
            self._db.execute("DELETE FROM backfill WHERE told = 1 AND counted_ms < ?", (now_ms - _KEPT_MS,))

    def not_sent(self, channel: str, number: int, now_ms: int, held_until_ms: int = 0) -> None:
        """The message did not arrive, or nobody knows; with ``held_until_ms`` the robot wants to be left alone until then."""
        with self._transaction():
            self._over(number, now_ms)
            if held_until_ms:
                self._db.execute("INSERT OR REPLACE INTO held (channel, until_ms) VALUES (?, ?)", (channel, held_until_ms))

    def _make(self, path: Path) -> None:
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise DependencyError(f"通知队列的版本不对 queue of another version: {path}: {version}, 应为 expected {_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.rollback()
            raise
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.rollback()
            raise

    def _accept(self, taken: Taken, now_ms: int) -> bool:
        channel, alert = taken.channel, taken.alert
        if alert.is_backfill:
            return self._count(channel, alert, now_ms)
        key = (channel, alert.fingerprint)
        there = self._db.execute("SELECT status, starts_ms FROM waiting WHERE channel = ? AND fingerprint = ?", key).fetchone()
        if there == alert.state:
            return False
        told = self._db.execute("SELECT status, starts_ms, told_ms FROM told WHERE channel = ? AND fingerprint = ?", key).fetchone()
        if there is not None:
            self._replace(channel, alert)
            self._settle(channel, alert.fingerprint)
            return True
        known = told is not None and told[:2] == alert.state
        if known and not (alert.status == "firing" and taken.remind_ms and now_ms - told[2] >= _REMIND_SHARE * taken.remind_ms):
            return False
        self._db.execute(
            "INSERT INTO waiting (channel, fingerprint, status, starts_ms, ends_ms, labels, annotations, queued_ms, repeated)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, *_columns(alert), now_ms, int(known)),
        )
        return True

    def _replace(self, channel: str, alert: Alert) -> None:
        """Put the newer state into the older one's place in the queue."""
        self._db.execute(
            "UPDATE waiting SET status = ?, starts_ms = ?, ends_ms = ?, labels = ?, annotations = ?, version = version + 1,"
            " merged = merged + 1, repeated = 0 WHERE channel = ? AND fingerprint = ?",
            (*_columns(alert), channel, alert.fingerprint),
        )

    def _count(self, channel: str, alert: Alert, now_ms: int) -> bool:
        if alert.status != "firing":
            return False
        row = (channel, alert.fingerprint, alert.starts_ms, alert.name, now_ms)
        done = self._db.execute(
            "INSERT OR IGNORE INTO backfill (channel, fingerprint, starts_ms, alertname, counted_ms) VALUES (?, ?, ?, ?, ?)", row
        )
        return done.rowcount == 1

    def _told(self, channel: str, waiting: Waiting, now_ms: int) -> None:
        alert = waiting.alert
        self._db.execute(
            "INSERT OR REPLACE INTO told (channel, fingerprint, status, starts_ms, told_ms) VALUES (?, ?, ?, ?, ?)",
            (channel, alert.fingerprint, *alert.state, now_ms),
        )
        self._db.execute("DELETE FROM waiting WHERE position = ? AND version = ?", (waiting.position, waiting.version))
        self._db.execute(
            "UPDATE waiting SET merged = version - ? - 1, queued_ms = ? WHERE position = ?", (waiting.version, now_ms, waiting.position)
        )

    def _settle(self, channel: str, fingerprint: str | None = None) -> None:
        """What came back to the state that was told last is no news; while a message about it is under way, nothing counts as told."""
        self._db.execute(
            "DELETE FROM waiting WHERE channel = ?1 AND (?2 IS NULL OR fingerprint = ?2) AND repeated = 0 AND EXISTS (SELECT 1 FROM told"
            " WHERE told.channel = waiting.channel AND told.fingerprint = waiting.fingerprint"
            " AND told.status = waiting.status AND told.starts_ms = waiting.starts_ms)",
            (channel, fingerprint),
        )

    def _over(self, number: int, now_ms: int) -> None:
        self._db.execute("UPDATE sends SET over_ms = ? WHERE id = ?", (now_ms, number))


def _columns(alert: Alert) -> tuple[Any, ...]:
    """What of an alert is stored."""
    kept = alert.kept()
    return (*alert.state, alert.ends_ms, orjson.dumps(dict(kept.labels)).decode(), orjson.dumps(dict(kept.annotations)).decode())


def _waiting(row: tuple[Any, ...]) -> Waiting:
    position, version, fingerprint, status, starts_ms, ends_ms, labels, annotations, queued_ms, merged, repeated = row
    alert = Alert(fingerprint, status, starts_ms, ends_ms, orjson.loads(labels), orjson.loads(annotations))
    return Waiting(position, version, alert, queued_ms, merged, bool(repeated))
