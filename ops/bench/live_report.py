"""What the rounds of latency and recovery come to: rows of medians, and all of it as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from ops.bench.figures import Back, Delays
from ops.bench.live import TRICKLE_PER_S, LatencyRun, Phase, RecoveryRun
from ops.bench.report import machine
from ops.bench.run import Record
from ops.bench.traffic import LINGER_MS


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """One contender at one rate, over all rounds.

    Parameters
    ----------
    per_s
        Events a second that were asked for: the median, where it is a share of a capacity.
    kept
        The producer kept the rate in every round; otherwise the delays are those of a lower one.
    late_s
        The most by which the producer was late.
    outputs, rows
        Medians; the longest of all.
    behind
        The most cases whose output was not there when the last had been sent.
    unseen, rows_unseen
        Outputs, and rows that were looked for, that did not come in time.
    """

    name: str
    asked: str
    per_s: float
    kept: bool
    late_s: float
    outputs: Delays | None
    rows: Delays | None
    behind: int
    unseen: int
    rows_unseen: int
    rounds: int


@dataclass(frozen=True, slots=True)
class RecoveryRow:
    """One contender and one thing done to its workers, over all rounds; as :class:`LatencyRow`.

    Parameters
    ----------
    delays
        None, too, where in some round no partition changed hands though one should have.
    back, moved_s, changelog_records
        Medians of what :class:`ops.bench.live.Phase` has.
    """

    name: str
    phase: str
    delays: Delays | None
    back: Back | None
    moved_s: float | None
    changelog_records: int | None
    unseen: int
    rounds: int


def latency_rows(records: Sequence[Record[Any, LatencyRun]]) -> list[LatencyRow]:
    """In the order of contenders and rates. A run with wrong outputs gives no figure."""
    return [
        LatencyRow(
            record.contender.name,
            points[0].asked,
            median(point.per_s for point in points),
            all(point.kept for point in points),
            max(point.late_s for point in points),
            _together([point.outputs for point in points]),
            _together([point.rows for point in points]),
            max(point.behind for point in points),
            sum(point.unseen for point in points),
            sum(point.rows_unseen for point in points),
            len(points),
        )
        for record in records
        for points in zip(*(run.points for run in record.runs if not run.faults), strict=True)
    ]


def recovery_rows(records: Sequence[Record[Any, RecoveryRun]]) -> list[RecoveryRow]:
    """In the order of contenders and of what was done."""
    return [
        _recovery_row(record.contender.name, phases)
        for record in records
        for phases in zip(*(run.phases for run in record.runs if not run.faults), strict=True)
    ]


def as_json(settings: Mapping[str, Any], rows: Sequence[Any], records: Sequence[Record[Any, Any]]) -> dict[str, Any]:
    """All that was measured, every run of it. Units are in the names."""
    return {
        "settings": {"producer_linger_ms": LINGER_MS, "recovery_events_per_s": TRICKLE_PER_S, **settings},
        "machine": machine(),
        "rows": [asdict(row) for row in rows],
        "contenders": [
            {
                "name": record.contender.name,
                "title": record.contender.title,
                "guarantee": record.contender.guarantee,
                "skipped": record.skipped,
                "failures": record.failures,
                "each_run": [asdict(run) for run in record.runs],
            }
            for record in records
        ],
    }


def _recovery_row(name: str, phases: Sequence[Phase]) -> RecoveryRow:
    backs = [phase.back for phase in phases if phase.back is not None]
    changelogs = [phase.changelog_records for phase in phases if phase.changelog_records is not None]
    return RecoveryRow(
        name,
        phases[0].name,
        _together([phase.delays for phase in phases]) if all(phase.delays for phase in phases) else None,
        Back(_median([each.first_s for each in backs]), _median([each.all_s for each in backs])) if backs else None,
        _median([phase.moved_s for phase in phases]),
        int(median(changelogs)) if changelogs else None,
        sum(phase.unseen for phase in phases),
        len(phases),
    )


def _together(each: Sequence[Delays | None]) -> Delays | None:
    found = [one for one in each if one is not None]
    if not found:
        return None
    return Delays(
        sum(one.count for one in found),
        median(one.p50_s for one in found),
        _median([one.p99_s for one in found]),
        _median([one.p999_s for one in found]),
        max(one.longest_s for one in found),
    )


def _median(values: Sequence[float | None]) -> float | None:
    """None where one of them is not known."""
    known = [value for value in values if value is not None]
    return median(known) if known and len(known) == len(values) else None
