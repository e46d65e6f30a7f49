"""Counters and gauges of one worker, as plain attributes that the application may export."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.metrics import Durations
from streams.runtime.metrics import COMMIT


@dataclass(slots=True)
class EngineStats:
    """What the engine has done since it started, and where it stands; read it from any thread.

    Parameters
    ----------
    records
        Total by input topic.
    batches, transactions, idle_transactions, outputs, changelog_records
        Totals; ``idle_transactions`` carry progress only.
    commits
        How long each commit took, over all partitions.
    recovered_records, revisited_keys, fenced, rebalances
        Totals; ``fenced`` counts partitions that somebody else took over.
    recovering
        Partition to (changelog offsets done, offsets in all) while it recovers.
    watermark_ms
        Partition to the job time through which all its inputs are read and all that was due is done.
    lag_records
        (topic, partition) to the records between the committed offset and the end last seen.
    generation
        Number of this worker's current assignment.
    """

    records: dict[str, int] = field(default_factory=dict)
    batches: int = 0
    transactions: int = 0
    idle_transactions: int = 0
    outputs: int = 0
    changelog_records: int = 0
    commits: Durations = field(default_factory=lambda: Durations(COMMIT))
    recovered_records: int = 0
    revisited_keys: int = 0
    fenced: int = 0
    rebalances: int = 0
    generation: int = 0
    recovering: dict[int, tuple[int, int]] = field(default_factory=dict)
    watermark_ms: dict[int, int | None] = field(default_factory=dict)
    lag_records: dict[tuple[str, int], int] = field(default_factory=dict)
