"""A canary: an event of no consequence sent the whole way, to measure how long the way is, and to notice when it is blocked.

It is a deletion of an archive that never was, of a case that never closed. A worker takes it in, since its revision is new, and writes the
case's state again; the case counts nowhere and has no finding. There is one such case for each partition, for the slowest counts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import count
from typing import Any

from prometheus_client.core import Metric as Family

from consumers.clickhouse import connect, reaching
from ops.files import read_if_there, write_whole
from ops.monitor.metrics import CANARY, CANARY_AGE, CANARY_FAILURES
from ops.monitor.question import ANSWER_SECONDS
from ops.publish import TopicProducer
from streams.clock import wall_ms
from streams.contracts import ARCHIVE_RECEIVED, codec
from streams.data_dir import usable
from streams.errors import DependencyError, GuidangError
from streams.partitioner import PARTITIONERS
from streams.setting_types import duration_ms
from streams.settings import Settings

log = logging.getLogger(__name__)

CASE_PREFIX = "guidang-canary-"
PATIENCE_SECONDS = 60.0
"""A canary that takes longer has failed: a worker that dies is replaced within half of that."""
_LOOK_SECONDS = 0.2
_JOIN_SECONDS = 2.0
Versions = Mapping[str, int]


class Canary:
    """Sends, waits, measures; in a thread of its own, the only thing here that works without being asked.

    Parameters
    ----------
    patience_seconds
        From then on it has failed.

    Raises
    ------
    ConfigurationError
        ``data_dir`` cannot be read.
    """

    def __init__(self, settings: Settings, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._settings, self._patience_seconds = settings, patience_seconds
        self._every_seconds = duration_ms(settings.canary.every) / 1000
        self._clock = settings.make_clock()
        self._cases = canary_cases(settings.kafka.partitions, settings.kafka.partitioner)
        self._revisions = settings.home / "canary-revision"
        self._revision = int(read_if_there(self._revisions) or 0)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="canary", daemon=True)
        self._before: Versions | None = None
        self._sent_at = 0.0
        self._troubled = False
        self.seconds: float | None = None
        self.back_at = time.monotonic()
        self.failures = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and do not wait long for it."""
        self._stopped.set()
        self._thread.join(_JOIN_SECONDS)

    def families(self) -> Iterator[Family]:
        """What was measured."""
        yield CANARY.single(self.seconds)
        yield CANARY_AGE.single(time.monotonic() - self.back_at)
        yield CANARY_FAILURES.single(self.failures)

    def fly(self) -> None:
        """Send one and wait for it.

        One that is late is not forgotten: as long as it has not come back the next is measured from when that one was sent, so that what
        comes back late is never taken for something fast.

        Raises
        ------
        GuidangError
            It could not be sent, or did not come back in time.
        """
        with reaching(self._settings), closing(connect(self._settings, answer_seconds=ANSWER_SECONDS)) as client:
            if self._before is None:
                self._before, self._sent_at = self._versions(client), time.monotonic()
            give_up = time.monotonic() + self._patience_seconds
            self._send()
            # A table that was lost, and fills itself again, has a lower version or none, and the canary is not back for that.
            while missing := [case for case, version in self._versions(client).items() if version <= self._before[case]]:
                if time.monotonic() > give_up:
                    raise DependencyError(
                        f"{len(missing)} / {len(self._cases)} 个分区的探针 {self._patience_seconds:g} 秒内没有入库"
                        f" canaries of so many partitions are not in ClickHouse in time: {', '.join(missing[:3])}"
                    )
                if self._stopped.wait(_LOOK_SECONDS):
                    return
        self.back_at = time.monotonic()
        self.seconds, self._before = self.back_at - self._sent_at, None

    def _run(self) -> None:
        due_at = time.monotonic() + self._every_seconds  # the others may be starting, too
        while not self._stopped.wait(max(due_at - time.monotonic(), 0)):
            due_at = max(due_at + self._every_seconds, time.monotonic())
            try:
                self.fly()
            except GuidangError as error:
                self._failed(logging.WARNING, str(error))
            except Exception:  # noqa: BLE001 - nobody is above this thread; it goes on, and what is wrong is counted
                self._failed(logging.ERROR, "", exc_info=True)
            else:
                if self._troubled:
                    log.warning("探针已恢复 the canary is back")
                self._troubled = False

    def _failed(self, level: int, text: str, *, exc_info: bool = False) -> None:
        self.failures += 1
        if not self._troubled:
            log.log(level, "探针失败 the canary failed: %s", text, exc_info=exc_info)
        self._troubled = True

    def _send(self) -> None:
        revision, encode = self._next_revision(), codec(ARCHIVE_RECEIVED).encode
        producer = TopicProducer(self._settings, [ARCHIVE_RECEIVED])
        for case in self._cases:
            producer.send(ARCHIVE_RECEIVED, case.encode(), encode(canary_event(case, revision, self._clock.now_ms())))
        if refused := producer.finish():
            raise DependencyError(f"探针发不出去 the canary was not taken: {refused[0].reason}")

    def _next_revision(self) -> int:
        """Above all before it, an earlier process's included: a lower one, after a clock was put back, would be no news to a worker."""
        self._revision = max(wall_ms(), self._revision + 1)
        with usable(self._revisions):
            self._revisions.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._revisions, str(self._revision).encode())
        return self._revision

    def _versions(self, client: Any) -> Versions:
        sql = "SELECT case_no, max(version) FROM case_state WHERE case_no IN {cases:Array(String)} GROUP BY case_no"
        found = dict(client.query(sql, parameters={"cases": list(self._cases)}).result_rows)
        return {case: found.get(case, 0) for case in self._cases}


def canary_cases(partitions: int, partitioner: str) -> tuple[str, ...]:
    """A case number for each partition, ``guidang-canary-<partition>-<number>``: the first that belongs there."""
    partition_of = PARTITIONERS[partitioner]

    def case_of(partition: int) -> str:
        names = (f"{CASE_PREFIX}{partition}-{number}" for number in count())
        return next(name for name in names if partition_of(name.encode(), partitions) == partition)

    return tuple(case_of(partition) for partition in range(partitions))


def canary_event(case_no: str, revision: int, now_ms: int) -> dict[str, Any]:
    """The event: a deletion, higher than all before it."""
    return {
        "event_id": f"{case_no}@{revision}",
        "archive_no": "guidang-canary",
        "case_no": case_no,
        "item_code": "",
        "unit_code": "",
        "title": "",
        "received_at": now_ms,
        "receipt": "UNKNOWN",
        "revision": revision,
        "deleted": True,
    }
