"""From observations to figures: the second half of a run, medians, the best of several. No clock and no I/O here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
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
        Input records per second, to when the last output was written.
    cpu_s_per_million, broker_cpu_s_per_million
        CPU seconds for a million input records.
    window_s
        How long the second half took.
    settled_records_per_s, settled_cpu_s_per_million
        The same to when nothing was left to do: the last offsets were committed, and what had become due was done. Who commits seldom
        waits meanwhile. None: time ran out before.
    """

    records_per_s: float
    cpu_s_per_million: float
    broker_cpu_s_per_million: float
    window_s: float
    settled_records_per_s: float | None
    settled_cpu_s_per_million: float | None


def judge(samples: Sequence[Sample], outputs_s: Sequence[float] = (), *, complete: bool = True) -> Judged | None:
    """Judge from when half of what was read had been read, to when the last of it had its effect.

    Parameters
    ----------
    samples
        In order of time; the last was taken when nothing was left to do.
    outputs_s
        When outputs were written, seconds since 1970, in order: who commits seldom has finished before the last commit.
    complete
        All input was read; else what was read until the last commit is judged.

    Returns
    -------
    Judged or None
        None where no commit was seen on the way, or the second half took less than a second: the run was too short.
    """
    total = samples[-1].read if samples else 0
    if not any(0 < sample.read < total for sample in samples):
        return None
    half_s, half_read = _half(samples, total, outputs_s)
    end_s = next(sample.at_s for sample in samples if sample.read == total)
    if complete and outputs_s:
        end_s = min(end_s, outputs_s[-1])
    if end_s - half_s < LEAST_WINDOW_S:
        return None
    half, end = (next(sample for sample in samples if sample.at_s >= at_s) for at_s in (half_s, end_s))
    records, settled = total - half_read, samples[-1]
    return Judged(
        records_per_s=records / (end_s - half_s),
        cpu_s_per_million=(end.cpu_s - half.cpu_s) / records * 1e6,
        broker_cpu_s_per_million=(end.broker_cpu_s - half.broker_cpu_s) / records * 1e6,
        window_s=end_s - half_s,
        settled_records_per_s=records / (settled.at_s - half_s) if complete else None,
        settled_cpu_s_per_million=(settled.cpu_s - half.cpu_s) / records * 1e6 if complete else None,
    )


def _half(samples: Sequence[Sample], total: int, outputs_s: Sequence[float]) -> tuple[float, int]:
    """When half had been read, and how much that was.

    Commits say how much, and how far it got between two of them is told by its outputs: commits may be many seconds apart, and outputs
    alone would flatter who reads one input topic ahead of the other. Without outputs it is the first commit at half or beyond.
    """
    after = next(sample for sample in samples if sample.read >= total / 2)
    behind = [sample.read for sample in samples if sample.read < total / 2]
    if behind:
        before = next(sample for sample in samples if sample.read == behind[-1])
        first, last = (bisect_right(outputs_s, sample.at_s) for sample in (before, after))
        if first < last:
            share = (total / 2 - before.read) / (after.read - before.read)
            return outputs_s[first + ceil((last - first) * share) - 1], total // 2
    return after.at_s, after.read


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
    """The fastest of these contenders; None: one of them has no figure, and may be the fastest."""
    return max(names, key=lambda name: medians[name]) if names and all(name in medians for name in names) else None


@dataclass(frozen=True, slots=True)
class Delays:
    """How long it took, seconds, by nearest rank; None: so rare a delay is not known from so few.

    Parameters
    ----------
    count
        Of how many.
    """

    count: int
    p50_s: float
    p99_s: float | None
    p999_s: float | None
    longest_s: float


def delays(sent: Mapping[int, float], seen: Mapping[int, float], since: float = -inf) -> Delays | None:
    """From when cases were sent to when what follows was seen, of those that were sent at ``since`` or later; None: none was seen."""
    taken = sorted(seen[number] - at for number, at in sent.items() if at >= since and number in seen)
    if not taken:
        return None
    return Delays(len(taken), _rank(taken, 0.5) or taken[0], _rank(taken, 0.99), _rank(taken, 0.999), taken[-1])


def _rank(ordered: Sequence[float], share: float) -> float | None:
    """Value of a share by nearest rank, if at least one value lies beyond it."""
    place = ceil(len(ordered) * share)
    return ordered[place - 1] if place < len(ordered) else None


@dataclass(frozen=True, slots=True)
class Back:
    """How long after a restart it is at work again, seconds; None: it was not seen.

    Parameters
    ----------
    first_s, all_s
        Until the first partition, and every one, has told of something that was sent after the restart.
    """

    first_s: float | None
    all_s: float | None


def back(began: float, sent: Mapping[int, float], seen: Mapping[int, float], partition_of: Mapping[int, int], partitions: int) -> Back:
    """Judge a restart that ``began`` then."""
    first: dict[int, float] = {}
    for number, at in sent.items():
        if at >= began and number in seen:
            partition = partition_of[number]
            first[partition] = min(seen[number], first.get(partition, inf))
    return Back(
        first_s=min(first.values()) - began if first else None,
        all_s=max(first.values()) - began if len(first) == partitions else None,
    )
