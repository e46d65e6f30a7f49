"""One file into one topic."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import IO

from ops.judge import Judge
from ops.publish.producer import TopicProducer
from ops.publish.rows import BadRow, Row, RowReader
from streams.contracts import codec, record_key
from streams.errors import BadInputFile
from streams.settings import Settings

_ROWS_PER_REPORT = 2000
_SPOOL_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a file.

    Parameters
    ----------
    sent
        Rows that the broker confirmed.
    bad
        Rows that did not go in, each of which was reported.
    """

    topic: str
    sent: int
    bad: int
    seconds: float


def publish_file(
    settings: Settings,
    topic: str,
    path: Path,
    *,
    encoding: str = "utf-8",
    on_bad: Callable[[BadRow], None],
    on_progress: Callable[[int, int], None] = lambda _read, _total: None,
) -> Published:
    """Publish every row that can be, and that workers would take; rows come in the order of the file, those of one key stay in it.

    Parameters
    ----------
    topic
        An input topic's contract name.
    on_bad
        Told of every row that did not go in, most of them as they are met, oversized ones at the end.
    on_progress
        Told now and then of the bytes read and the bytes there are.

    Raises
    ------
    BadInputFile
        The file as a whole cannot be read; nothing went in.
    DependencyError, TopologyError
        Kafka is absent, went away, or lacks the topic.
    """
    begun, bad, sent = time.monotonic(), 0, 0
    with _opened(path) as file:
        total_bytes = file.seek(0, SEEK_END)
        file.seek(0)
        rows = RowReader(topic, file, path.name, encoding)
        producer, judge = TopicProducer(settings, [topic]), Judge(settings.kafka.topic_prefix)
        for number, row in enumerate(rows):
            unsent = row if isinstance(row, BadRow) else _send(producer, judge, topic, row)
            if unsent:
                bad += 1
                on_bad(unsent)
            else:
                sent += 1
            if number % _ROWS_PER_REPORT == 0:
                on_progress(rows.bytes_read, total_bytes)
        undelivered = producer.finish()
        on_progress(total_bytes, total_bytes)
    for lost in undelivered:
        on_bad(BadRow(lost.tag, "", lost.reason, "主题收得下的记录 a record the topic takes"))
    return Published(topic, sent - len(undelivered), bad + len(undelivered), time.monotonic() - begun)


def _send(producer: TopicProducer, judge: Judge, topic: str, row: Row) -> BadRow | None:
    """Hand over a row, if workers would take it: it is told now, and not by a dead letter that nobody waits for."""
    key, value = record_key(topic, row.record), codec(topic).encode(row.record)
    if refusal := judge.refusal(topic, key, value):
        return BadRow(row.line, "", str(refusal), "工作进程采用的记录 a record that workers take")
    producer.send(topic, key, value, row.line)
    return None


def _opened(path: Path) -> IO[bytes]:
    """Open a file; a pipe is copied first, since its encoding is settled before its first row."""
    try:
        file = path.open("rb")
        if file.seekable():
            return file
        spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115  the caller closes it
        with file:
            shutil.copyfileobj(file, spool)
        spool.seek(0)
    except OSError as error:
        raise BadInputFile(f"{path}: 打不开 cannot be opened: {error.strerror}") from error
    return spool
