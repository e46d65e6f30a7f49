"""Counters and gauges of one worker, as plain attributes that the application may export."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class EngineStats:
    """What the engine has done since it started, and where it stands; read it from any thread.

    Parameters
    ----------
    records, batches, transactions, idle_transactions, outputs, changelog_records
        Totals; ``idle_transactions`` carry progress only.
    commit_seconds
        Total time spent in commits, over all partitions, in seconds.
    recovered_records, revisited_keys, fenced, rebalances
        Totals; ``fenced`` counts partitions taken over while this worker was giving them up, which is no error.
    recovering
        Partition to (changelog records done, records to do) while it recovers.
    watermark_ms
        Partition to the job time through which all its inputs are read and all that was due is done.
    lag_records
        (topic, partition) to the records between the committed offset and the end last seen.
    generation
        Number of this worker's current assignment.
    """

    records: int = 0
    batches: int = 0
    transactions: int = 0
    idle_transactions: int = 0
    outputs: int = 0
    changelog_records: int = 0
    commit_seconds: float = 0.0
    recovered_records: int = 0
    revisited_keys: int = 0
    fenced: int = 0
    rebalances: int = 0
    generation: int = 0
    recovering: dict[int, tuple[int, int]] = field(default_factory=dict)
    watermark_ms: dict[int, int | None] = field(default_factory=dict)
    lag_records: dict[tuple[str, int], int] = field(default_factory=dict)
