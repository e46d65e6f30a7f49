"""From observations to figures: the judged half, medians, ratios. No clock and no I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


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
    """Figures of the judged half of one run.

    Parameters
    ----------
    records_per_s
        Input records per second.
    cpu_s_per_million, broker_cpu_s_per_million
        CPU seconds for a million input records.
    window_s
        How long the judged half took.
    whole_records_per_s
        As ``records_per_s``, from the first commit seen to the end: what is compiled or cached only later is in it.
    """

    records_per_s: float
    cpu_s_per_million: float
    broker_cpu_s_per_million: float
    window_s: float
    whole_records_per_s: float


def judge(samples: Sequence[Sample], end_s: float) -> Judged | None:
    """Judge the second half of what was read: from the first look that saw half of it committed, to the end.

    Parameters
    ----------
    samples
        In order of time.
    end_s
        When the last effect of what was read was written, which may be before its offset is committed.

    Returns
    -------
    Judged or None
        None where no commit was seen between half and end: the run was too short to judge.
    """
    total = samples[-1].read if samples else 0
    begun = next((sample for sample in samples if sample.read), None)
    half = next((sample for sample in samples if total and sample.read >= total / 2), None)
    if begun is None or half is None or half.read == total or end_s <= half.at_s:
        return None
    last = next((sample for sample in samples if sample.at_s >= end_s), samples[-1])
    millions, seconds = (total - half.read) / 1e6, end_s - half.at_s
    return Judged(
        records_per_s=(total - half.read) / seconds,
        cpu_s_per_million=(last.cpu_s - half.cpu_s) / millions,
        broker_cpu_s_per_million=(last.broker_cpu_s - half.broker_cpu_s) / millions,
        window_s=seconds,
        whole_records_per_s=(total - begun.read) / (end_s - begun.at_s),
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
