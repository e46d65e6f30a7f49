"""From observations to figures: the second half of a run, medians, the best of several. No clock and no I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

LEAST_WINDOW_S = 1.0
"""What is looked at ten times a second is not known to better than a tenth of this."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a contender while it works.

    Parameters
    ----------
    at_s
        Time of the look, seconds since 1970.
    read
        Input records whose offsets it has committed.
    cpu_s, broker_cpu_s
        CPU time used so far by its processes, and by the broker.
    """

    at_s: float
    read: int
    cpu_s: float
    broker_cpu_s: float


@dataclass(frozen=True, slots=True)
class Judged:
    """Figures of the second half of one run: by then a JVM has compiled, and caches are full.

    Parameters
    ----------
    records_per_s
        Input records per second.
    cpu_s_per_million, broker_cpu_s_per_million
        CPU seconds for a million input records.
    window_s
        How long the second half took.
    """

    records_per_s: float
    cpu_s_per_million: float
    broker_cpu_s_per_million: float
    window_s: float


def judge(samples: Sequence[Sample], output_end_s: float | None = None) -> Judged | None:
    """Judge from the first look that saw half of what was read committed, to when the last of it had its effect.

    Parameters
    ----------
    samples
        In order of time.
    output_end_s
        When the last output was written, seconds since 1970: who commits seldom has finished before the last commit.

    Returns
    -------
    Judged or None
        None where no commit was seen between the two, or less than a second lies between them: the run was too short.
    """
    total = samples[-1].read if samples else 0
    half = next((sample for sample in samples if total and sample.read >= total / 2), None)
    if half is None or half.read == total:
        return None
    end_s = next(sample.at_s for sample in samples if sample.read == total)
    if output_end_s is not None:
        end_s = min(end_s, output_end_s)
    if end_s - half.at_s < LEAST_WINDOW_S:
        return None
    end = next(sample for sample in samples if sample.at_s >= end_s)
    records = total - half.read
    return Judged(
        records_per_s=records / (end_s - half.at_s),
        cpu_s_per_million=(end.cpu_s - half.cpu_s) / records * 1e6,
        broker_cpu_s_per_million=(end.broker_cpu_s - half.broker_cpu_s) / records * 1e6,
        window_s=end_s - half.at_s,
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of several runs."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread | None:
    """Of the runs that gave a figure; None: none did."""
    return Spread(median(values), min(values), max(values)) if values else None


def best(medians: Mapping[str, float], names: Sequence[str]) -> str | None:
    """The fastest of these contenders; None: none of them has a figure."""
    there = [name for name in names if name in medians]
    return max(there, key=lambda name: medians[name]) if there else None
