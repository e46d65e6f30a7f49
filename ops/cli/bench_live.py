"""``guidang bench --latency`` and ``--recovery``: how soon, and how soon again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from ops.cli.bench_sitting import Sitting
from ops.cli.output import Column, emit_rows, say
from ops.cli.text import t
from streams.clock import wall_ms
from streams.domain.time import iso

if TYPE_CHECKING:
    from ops.bench.figures import Delays
    from ops.bench.live import LatencyRun, Rate, RecoveryRun, Stage
    from ops.bench.live_report import LatencyRow, RecoveryRow
    from ops.bench.run import Record

_ROWS = "ClickHouse "
_PHASES = {
    "steady": ("平稳", "steady"),
    "joins": ("加入一个", "one joins"),
    "leaves": ("退出一个", "one leaves"),
    "dies": ("杀掉一个", "one is killed"),
    "warm": ("全部杀掉，状态还在", "all killed, state kept"),
    "cold": ("全部杀掉，状态已删", "all killed, state deleted"),
}


def rates(words: str) -> list[Rate]:
    """``1000,5000,50%``."""
    from ops.bench.live import Rate  # noqa: PLC0415

    try:
        found = [Rate(float(word.removesuffix("%")) / (100 if "%" in word else 1), "%" in word) for word in words.split(",")]
    except ValueError:
        found = []
    if not found or min(rate.value for rate in found) <= 0:
        raise typer.BadParameter(t(f"--latency 应为 1000,5000,50% 之类：{words!r}", f"--latency wants such as 1000,5000,50%: {words!r}"))
    return found


def latency(stage: Stage, sitting: Sitting, asked: Sequence[Rate], seconds: float) -> None:
    """Measure and show."""
    from ops.bench.live_report import as_json, latency_rows  # noqa: PLC0415

    def tell(number: int, record: Record[Any, LatencyRun], run: LatencyRun | str) -> None:
        _tell(number, record, run, "" if isinstance(run, str) else f"{run.capacity_per_s:,.0f}/s; {_points(run)}")
        sitting.write(as_json(sitting.settings, latency_rows(sitting.records), sitting.records))

    sitting.go_through(partial(stage.latency, rates=asked, seconds=seconds), stage.broker, tell)
    _show_latency(latency_rows(sitting.records))


def recovery(stage: Stage, sitting: Sitting, seconds: float) -> None:
    """Measure and show."""
    from ops.bench.live_report import as_json, recovery_rows  # noqa: PLC0415

    def tell(number: int, record: Record[Any, RecoveryRun], run: RecoveryRun | str) -> None:
        _tell(number, record, run, "" if isinstance(run, str) else _phases(run))
        sitting.write(as_json(sitting.settings, recovery_rows(sitting.records), sitting.records))

    sitting.go_through(partial(stage.recovery, window_s=seconds), stage.broker, tell)
    _show_recovery(recovery_rows(sitting.records))


def _points(run: LatencyRun) -> str:
    """Medians and 99 of 100 of the outputs."""
    known = [(point.asked, point.outputs) for point in run.points if point.outputs is not None]
    return "; ".join(f"{asked}: {_ms(found.p50_s)} / {_ms(found.p99_s)} ms" for asked, found in known)


def _phases(run: RecoveryRun) -> str:
    """The longest delays."""
    return "; ".join(f"{phase.name}: {_ms(phase.delays.longest_s)} ms" for phase in run.phases if phase.delays is not None)


def _tell(number: int, record: Record[Any, Any], run: LatencyRun | RecoveryRun | str, figures: str) -> None:
    name = f"{iso(wall_ms() // 1000 * 1000)} [{number}] {record.contender.name}: "
    say(name + (t("失败 ", "failed: ") + run if isinstance(run, str) else "; ".join([figures, *run.faults])))


def _show_latency(rows: Sequence[LatencyRow]) -> None:
    columns = [
        Column("name", t("名称", "name")),
        Column("asked", t("事件/秒", "events/s"), right=True),
        Column("per_s", t("即", "that is"), right=True),
        *_delay_columns(""),
        *_delay_columns(_ROWS),
        Column("behind", t("发完时未出的办件", "cases behind at the end"), right=True),
        Column("late", t("发送最迟 ms", "sent late by, ms"), right=True),
        Column("note", ""),
    ]
    emit_rows((_latency_cells(row) for row in rows), json=False, columns=columns)


def _latency_cells(row: LatencyRow) -> dict[str, Any]:
    notes = [] if row.kept else [t("发送端跟不上", "the producer did not keep the rate")]
    if row.unseen:
        notes.append(_unseen(row.unseen))
    if row.rows_unseen:
        notes.append(_ROWS + _unseen(row.rows_unseen))
    return {
        "name": row.name,
        "asked": row.asked,
        "per_s": f"{row.per_s:,.0f}" if row.asked.endswith("%") else "",
        **_delay_cells("", row.outputs),
        **_delay_cells(_ROWS, row.rows),
        "behind": f"{row.behind:,}",
        "late": _ms(row.late_s),
        "note": "; ".join(notes),
    }


def _show_recovery(rows: Sequence[RecoveryRow]) -> None:
    columns = [
        Column("name", t("名称", "name")),
        Column("phase", t("发生了什么", "what happened")),
        Column("moved", t("分区易手 s", "changed hands, s"), right=True),
        Column("first", t("首个分区恢复 s", "first partition back, s"), right=True),
        Column("all", t("全部分区恢复 s", "all back, s"), right=True),
        Column("changelog", t("变更日志记录", "changelog records"), right=True),
        *_delay_columns(""),
        Column("note", ""),
    ]
    emit_rows((_recovery_cells(row) for row in rows), json=False, columns=columns)


def _recovery_cells(row: RecoveryRow) -> dict[str, Any]:
    notes = [] if row.delays else [t("没有分区易手，或没有结论：不计", "no partition changed hands, or no verdict was seen: no figure")]
    if row.unseen:
        notes.append(_unseen(row.unseen))
    return {
        "name": row.name,
        "phase": t(*_PHASES[row.phase]),
        "moved": row.moved_s and f"{row.moved_s:.1f}",
        "first": row.back and row.back.first_s and f"{row.back.first_s:.1f}",
        "all": row.back and row.back.all_s and f"{row.back.all_s:.1f}",
        **_delay_cells("", row.delays),
        "changelog": row.changelog_records and f"{row.changelog_records:,}",
        "note": "; ".join(notes),
    }


def _unseen(count: int) -> str:
    return t(f"{count} 条没有按时看到", f"{count} not seen in time")


def _delay_columns(before: str) -> list[Column]:
    names = ("p50", "p99", "p99.9", t("最长 ms", "longest, ms"))
    return [Column(f"{before}{name}", f"{before}{name}", right=True) for name in names]


def _delay_cells(before: str, found: Delays | None) -> dict[str, Any]:
    values = (None,) * 4 if found is None else (found.p50_s, found.p99_s, found.p999_s, found.longest_s)
    return {column.key: _ms(value) for column, value in zip(_delay_columns(before), values, strict=True)}


def _ms(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds * 1000:,.0f}"
