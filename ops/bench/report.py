"""What the rounds come to: one row for each contender, ratios against the best Kafka Streams, and all of it as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from ops.bench.contenders import AT_LEAST_ONCE_PEERS, EXACTLY_ONCE_PEERS
from ops.bench.dataset import DataSet
from ops.bench.figures import Spread, best, spread
from ops.bench.run import Record, Run

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one contender over all rounds; None where there are none.

    Parameters
    ----------
    state
        ``measured``; ``unfinished``: time ran out in some run; ``unchecked``: and its outputs could not be checked for that; ``short``: no
        run was long enough to judge; ``wrong``: outputs are not as they must be; ``failed``: no run came to an end; ``skipped``.
    records_per_s, settled_records_per_s, settled_cpu_s_per_million
        Of the second half, as :class:`ops.bench.figures.Judged`.
    peak_rss_bytes, written_records, written_bytes, local_bytes
        Medians of the runs.
    reason
        Why it was skipped or failed, or what is wrong.
    """

    name: str
    title: str
    guarantee: str
    state: str
    records_per_s: Spread | None
    cpu_s_per_million: float | None
    broker_cpu_s_per_million: float | None
    settled_records_per_s: float | None
    settled_cpu_s_per_million: float | None
    peak_rss_bytes: int | None
    written_records: int | None
    written_bytes: int | None
    local_bytes: int | None
    runs: int
    reason: str = ""


def row(record: Record[Any, Run]) -> Row:
    """Sum up a contender. A run with outputs that are wrong or unchecked gives no figure: speed without the right result is none."""
    runs = [run for run in record.runs if run.checked and not run.faults]
    judged = [run.judged for run in runs if run.judged is not None]
    return Row(
        name=record.contender.name,
        title=record.contender.title,
        guarantee=record.contender.guarantee,
        state=_state(record, judged=bool(judged)),
        records_per_s=spread([each.records_per_s for each in judged]),
        cpu_s_per_million=_median([each.cpu_s_per_million for each in judged]),
        broker_cpu_s_per_million=_median([each.broker_cpu_s_per_million for each in judged]),
        settled_records_per_s=_median([each.settled_records_per_s for each in judged if each.settled_records_per_s]),
        settled_cpu_s_per_million=_median([each.settled_cpu_s_per_million for each in judged if each.settled_cpu_s_per_million]),
        peak_rss_bytes=_whole(runs, "peak_rss_bytes"),
        written_records=_whole(runs, "written_records"),
        written_bytes=_whole(runs, "written_bytes"),
        local_bytes=_whole(runs, "local_bytes"),
        runs=len(runs),
        reason=record.skipped or "; ".join(dict.fromkeys(record.faults)),
    )


@dataclass(frozen=True, slots=True)
class Ratio:
    """One ratio of two contenders of the same rounds.

    Parameters
    ----------
    value
        Of the medians; None: somebody has no figure.
    goal
        What is aimed at, such as ``≥ 2``; empty: it is told, and no goal.
    met
        None: there is no goal, or no value.
    missing
        Who has no figure.
    """

    what: str
    value: float | None
    over: str
    under: str
    goal: str = ""
    met: bool | None = None
    missing: tuple[str, ...] = ()


def ratios(rows: Sequence[Row]) -> list[Ratio]:
    """What is aimed at, and what belongs to it; where neither ours nor any rival was run it is left out.

    Against the fastest of several rivals there is a value only if each of them has a figure: who has none might be the fastest.
    """
    run = {each.name for each in rows}
    rate = {each.name: each.records_per_s.median for each in rows if each.records_per_s}
    cpu = {each.name: each.cpu_s_per_million for each in rows if each.cpu_s_per_million}
    with_broker = {each.name: cpu[each.name] + (each.broker_cpu_s_per_million or 0) for each in rows if each.name in cpu}
    asked: list[tuple[str, Mapping[str, float], str, tuple[str, ...], float]] = [
        ("两个进程 : 最快的 Kafka Streams exactly_once_v2 two workers : the fastest", rate, "guidang-2", EXACTLY_ONCE_PEERS, 2.0),
        ("两个进程 : 最快的 Kafka Streams at_least_once two workers : the fastest", rate, "guidang-2", AT_LEAST_ONCE_PEERS, 1.5),
        ("每事件 CPU : 最快的 Kafka Streams exactly_once_v2 CPU per event", cpu, "guidang-2", EXACTLY_ONCE_PEERS, -0.5),
        ("每事件 CPU，连同 broker CPU per event, the broker's included", with_broker, "guidang-2", EXACTLY_ONCE_PEERS, 0),
        ("一个进程 : 无状态循环 one worker : plain loop", rate, "guidang-1", ("loop",), 0.9),
        ("全部作业 : 精简作业，一个进程 whole product : reduced job, one worker", rate, "product-1", ("guidang-1",), 0.6),
        ("全部作业 : 精简作业，两个进程 whole product : reduced job, two workers", rate, "product-2", ("guidang-2",), 0.6),
    ]
    return [
        _ratio(what, figures, over, best(rate, rivals), tuple(name for name in (over, *rivals) if name not in figures), goal)
        for what, figures, over, rivals, goal in asked
        if over in run and run.intersection(rivals)
    ]


def against_fastest(rows: Sequence[Row]) -> list[Ratio]:
    """The rate of each over that of the fastest Kafka Streams that promises exactly once; none where that one is not known."""
    rate = {each.name: each.records_per_s.median for each in rows if each.records_per_s}
    fastest = best(rate, EXACTLY_ONCE_PEERS)
    return [] if fastest is None else [Ratio("", value / rate[fastest], name, fastest) for name, value in rate.items() if name != fastest]


def _ratio(what: str, figures: Mapping[str, float], over: str, under: str | None, missing: tuple[str, ...], goal: float) -> Ratio:
    aim = f"{'≥' if goal > 0 else '≤'} {abs(goal):g}" if goal else ""
    if under is None or missing:
        return Ratio(what, None, over, under or "", aim, missing=missing)
    value = figures[over] / figures[under]
    met = value >= goal if goal > 0 else value <= -goal
    return Ratio(what, value, over, under, aim, met if goal else None)


def as_json(data: DataSet, records: Sequence[Record[Any, Run]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """All that was measured, every run of it. Units are in the names."""
    rows = [row(record) for record in records]
    return {
        "settings": settings,
        "data": {"records": data.records, "verdicts": data.verdicts},
        "machine": machine(),
        "contenders": [
            asdict(each) | {"each_run": [asdict(run) for run in record.runs]} for each, record in zip(rows, records, strict=True)
        ],
        "ratios": [asdict(ratio) for ratio in [*ratios(rows), *against_fastest(rows)]],
    }


def machine() -> dict[str, Any]:
    """What the figures were made on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpus": os.cpu_count(), "memory_mib": memory // _MIB, "system": platform.system(), "python": platform.python_version()}


def _state(record: Record[Any, Run], *, judged: bool) -> str:
    if record.skipped:
        return "skipped"
    if any(run.faults for run in record.runs):
        return "wrong"
    if not record.runs:
        return "failed"
    if not all(run.checked for run in record.runs):
        return "unchecked"
    if not all(run.complete for run in record.runs):
        return "unfinished"
    return "measured" if judged else "short"


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _whole(runs: Sequence[Run], name: str) -> int | None:
    return int(median(getattr(run, name) for run in runs)) if runs else None
