"""The engine's settings. Every queue has a bound and every wait an end; the figures are those of docs/design/engine.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Policy of one worker process.

    Parameters
    ----------
    kafka
        Connection properties under librdkafka's names: ``bootstrap.servers``, ``security.protocol``, ``sasl.*``, ``ssl.*``. The password
        is among them, so no representation shows any.
    worker
        Name of this worker, unique in the group and the same after a restart: its static membership and its directory.
    data_dir
        Parent of the workers' state directories; losing it costs time, never data.
    partitions
        How many partitions each topic of the job must have; ``None``: whatever they have, as long as all have as many.
    session_timeout_s, heartbeat_s, rebalance_timeout_s
        Group membership. A worker that is silent for a session loses its partitions.
    reopen_s
        Wait before a partition is opened again that was taken outside a rebalance: longer than a heartbeat, which tells who is a member.
    fetch_wait_ms, fetch_bytes
        Longest wait of a fetch at the broker, and most bytes a fetch brings of one partition.
    read_records, room_records
        Most records of one read over all partitions; records of one input partition under way beyond which no more are read.
    group_records, group_batches
        Bounds of what shares a transaction. Here, as of ``room_records``, a large record counts for several
        (:class:`streams.runtime.batch.RecordBatch`).
    turn_s
        How long what has been read waits at most for an input that it is joined with and that is behind.
    rest_ratio, longest_rest_s, plenty_records
        A partition rests after a commit, so many times as long as that took, but no longer than this, and not if so many records wait.
    advance_limit, revisit_limit
        Sizes of the slices in which due work and revisits are done. A transaction costs as much as judging a hundred cases and more;
        other partitions have their turn between slices.
    probe_s, reference_probe_s, idle_commit_s
        How often the broker is asked for end offsets of inputs, and of reference topics; how often a partition without data commits its
        progress.
    transaction_timeout_ms, request_timeout_s
        How long an abandoned transaction can hold up readers; bound of every blocking call.
    stall_s
        Without progress for so long, while there is work, the process ends.
    stop_s
        Bound of a graceful stop.
    """

    kafka: Mapping[str, str] = field(repr=False)
    worker: str
    data_dir: Path
    partitions: int | None = None
    session_timeout_s: float = 8.0
    heartbeat_s: float = 1.0
    reopen_s: float = 2.0
    rebalance_timeout_s: float = 20.0
    fetch_wait_ms: int = 100
    fetch_bytes: int = 1_048_576
    read_records: int = 4_000
    room_records: int = 5_000
    group_records: int = 5_000
    group_batches: int = 64
    turn_s: float = 5.0
    rest_ratio: float = 2.0
    longest_rest_s: float = 0.25
    plenty_records: int = 500
    advance_limit: int = 500
    revisit_limit: int = 4_000
    probe_s: float = 0.5
    reference_probe_s: float = 30.0
    idle_commit_s: float = 1.0
    transaction_timeout_ms: int = 20_000
    request_timeout_s: float = 30.0
    stall_s: float = 60.0
    stop_s: float = 5.0

    @property
    def directory(self) -> Path:
        """Directory of this worker's local state."""
        return self.data_dir / self.worker
