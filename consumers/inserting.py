"""Inserts that wait through an outage: the log says once that ClickHouse is away, and once that it is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping

import lz4.frame  # type: ignore[import-untyped]
from clickhouse_connect.driver.exceptions import ClickHouseError

from consumers.batch import Batch, Partition
from consumers.clickhouse import Client
from consumers.row_file import RowFormat
from consumers.sink_metrics import SinkStats
from streams.errors import DependencyError

log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 5.0
_PASSING = {None, 159, 202, 209, 210, 241, 242, 243, 252, 279, 285, 319, 425, 999}
"""No number: the connection. Otherwise: time-outs, too much at once, memory, read-only for now, no space, too many parts, no quorum."""


class Inserter:
    """Inserts batches through one client, and counts what it did.

    Parameters
    ----------
    got_on
        Called after each block: a batch may hold several, and each may take as long as a client waits for its answer.
    note
        Called with where the rows of each partition end, once all of a batch are in.
    """

    def __init__(
        self, client: Client, stats: SinkStats, got_on: Callable[[], object], note: Callable[[Mapping[Partition, int]], None]
    ) -> None:
        self._client, self._stats, self._got_on, self._note = client, stats, got_on, note

    def insert(self, batch: Batch, wait: Callable[[float], bool] | None) -> bool:
        """Insert a batch, again and again until it is in.

        Parameters
        ----------
        wait
            Called with seconds to wait; says whether to try again. ``None``: try once.

        Returns
        -------
        bool
            Whether all of it is in. A part of it may be in otherwise; it can be inserted again.

        Raises
        ------
        DependencyError
            ClickHouse refuses these rows, which no waiting mends; or its tables were set back.
        EngineError
            It refuses them because one is not what its topic's contract says.
        """
        seconds, away = _FIRST_WAIT_SECONDS, False
        while True:
            try:
                self._insert_once(batch)
            except ClickHouseError as error:
                code = getattr(error, "code", None)
                if code not in _PASSING:
                    for block in batch.blocks():
                        block.check()
                    raise DependencyError(f"ClickHouse 拒绝写入 refuses an insert: {error}") from error
                self._stats.insert_failures += 1
                if not away:
                    log.warning("ClickHouse 不可用，暂停读取直到恢复 is away, reading pauses until it is back: %s", str(error)[:300])
                    away = True
                if wait is None or not wait(seconds):
                    return False
                seconds = min(seconds * 2, _LONGEST_WAIT_SECONDS)
            else:
                if away:
                    log.warning("ClickHouse 已恢复，继续写入 is back")
                return True

    def _insert_once(self, batch: Batch) -> None:
        began = time.monotonic()
        for block in batch.blocks():
            insert_rows(self._client, block.table, block.format, block.rows)
            self._stats.rows[block.table] = self._stats.rows.get(block.table, 0) + len(block.rows)
            self._got_on()
        self._note(batch.rows_end)
        self._stats.inserts.observe(time.monotonic() - began)


def insert_rows(client: Client, table: str, format_: RowFormat, rows: Iterable[bytes]) -> None:
    """Insert rows as an Avro file, compressed for the way if the client compresses at all."""
    data = format_.file(rows)
    compression = "lz4" if client.write_compression else None
    client.raw_insert(table, format_.columns, lz4.frame.compress(data) if compression else data, fmt="Avro", compression=compression)
