"""The two sides of the engine's contract: what an application gives, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from streams.runtime.batch import RecordBatch


class Work(Protocol):
    """One unit of work, which becomes one transaction of one partition, whole or not at all."""

    @property
    def partition(self) -> int:
        """Partition number, the same for all inputs, changelogs and outputs."""
        ...

    @property
    def now_ms(self) -> int:
        """Job time of the unit, UTC epoch milliseconds: not before a watermark, nor before any at which the partition was judged.

        Deadlines follow the watermarks, not this.
        """
        ...

    @property
    def epoch(self) -> int:
        """How often the partition was found judged under another :attr:`Job.fingerprint`; only grows, so that one that returns is new."""
        ...

    @property
    def watermarks(self) -> Mapping[str, int | None]:
        """Per input topic: job time through which this partition has been read; ``None`` is not known yet."""
        ...

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values in the order of ``keys``, ``None`` where there is none; sees this unit's own puts."""
        ...

    def put(self, table: str, key: bytes, value: bytes, terms: Sequence[bytes] = (), record: bytes | None = None) -> None:
        """Set a value. Several puts of a key become one changelog record, the last.

        Parameters
        ----------
        value
            As it is to be got back.
        terms
            Index terms it is found by, each once. Terms of different tables share one index: give each table a prefix of its own.
        record
            What the changelog gets, by default the value. :meth:`Job.restored` makes value and terms of it again.
        """
        ...

    def emit(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """Add an output record, written to this partition number of ``topic``, or to the one given."""
        ...

    def scan(self, low: bytes, high: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return the first ``limit`` pairs (term, key) with ``low <= term < high``, in order; own puts included."""
        ...


class Job(Protocol):
    """An application. Its methods run on the event loop's thread, never two at a time, and must not block.

    Whatever they raise ends the process with nothing of the unit committed.
    """

    @property
    def name(self) -> str:
        """Application id: consumer group and prefix of the transactional ids."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """Input topics, all with the same number of partitions."""
        ...

    @property
    def joined(self) -> tuple[str, ...]:
        """The inputs whose records meet in the same keys.

        A reader that lags reads them in order of their records' times, so that what belongs together comes together. That saves work, and
        nothing may rest on it.
        """
        ...

    @property
    def tables(self) -> Mapping[str, str]:
        """Table name to changelog topic (compacted)."""
        ...

    @property
    def revisited(self) -> tuple[str, ...]:
        """Tables whose keys are all evaluated again when :attr:`fingerprint` changes."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Further topics :meth:`Work.emit` writes to; checked before the group is joined."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identity of rules, policy and :meth:`restored`. When it changes, local state is rebuilt and every key revisited."""
        ...

    @property
    def identity(self) -> str:
        """Name of what all state rests on and nothing can make anew, such as a key; a partition committed under another is refused."""
        ...

    def restored(self, table: str, key: bytes, record: bytes) -> tuple[bytes, Sequence[bytes]]:
        """Return the value and the terms that were put with a changelog record: a pure function of its arguments."""
        ...

    def process(self, work: Work, batches: Sequence[RecordBatch]) -> None:
        """Take in all that a unit of work brings, batches that have records; those of a topic come in order and without gaps."""
        ...

    def advance(self, work: Work, limit: int) -> int | None:
        """Do up to ``limit`` of what has become due at ``work.watermarks``.

        Returns ``None`` when nothing due is left, else the time in ms through which everything due has been done; then it
        is called again.
        """
        ...

    def revisit(self, work: Work, table: str, keys: Sequence[bytes]) -> None:
        """Evaluate these keys again, because reference data or policy changed.

        A key named by :class:`streams.runtime.revisit.Point` is given to every partition, and need not be in a table.
        """
        ...
