"""Charts as data: bars of parts, drawn by page and paper each in its own way. All that they show is also in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ops.bulletin.cells import text
from ops.bulletin.model import Bulletin, Standing

Tone = Literal["good", "late", "waiting", "bad", "plain"]
_WORST_UNITS = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Parameters
    ----------
    parts
        Shares of the whole width, each 0..1, with their tone.
    mark
        Place of a mark in 0..1: the period before.
    """

    label: str
    parts: tuple[tuple[float, Tone], ...]
    text: str
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars below each other, with the words for their tones."""

    title: str
    bars: tuple[Bar, ...]
    legend: tuple[tuple[Tone, str], ...] = ()
    marked: str = ""


def charts(bulletin: Bulletin) -> list[Chart]:
    """The charts of a bulletin; those without anything to show are left out."""
    drawn = [_outcome(bulletin), _trend(bulletin), _districts(bulletin), _worst_units(bulletin), _quality(bulletin)]
    return [chart for chart in drawn if chart.bars]


def _outcome(bulletin: Bulletin) -> Chart:
    city = bulletin.city
    legend: tuple[tuple[Tone, str], ...] = (("good", "按时归档"), ("late", "逾期归档"), ("waiting", "待归档"), ("bad", "未归档"))
    counts = (city.archived - city.archived_late, city.archived_late, city.awaiting, city.unarchived)
    bars = (Bar("全市办结", _parts(counts, legend, city.closed), text(city.closed, "count")),) if city.closed else ()
    named = tuple((tone, f"{word} {text(count, 'count')}") for (tone, word), count in zip(legend, counts, strict=True))
    return Chart("本期办结的去向", bars, named)


def _trend(bulletin: Bulletin) -> Chart:
    bars = tuple(_ratio(point.label, point.coverage) for point in bulletin.trend if point.closed)
    return Chart("归档覆盖率走势", bars)


def _districts(bulletin: Bulletin) -> Chart:
    bars = tuple(_ratio(one.name or one.scope, one.coverage, _before(one)) for one in bulletin.districts if one.closed)
    return Chart("各区县归档覆盖率", bars, marked="竖线为上期")


def _worst_units(bulletin: Bulletin) -> Chart:
    worst = sorted((one for one in bulletin.units if one.unarchived), key=lambda one: (-one.unarchived, one.scope))[:_WORST_UNITS]
    return Chart("未归档最多的单位", _counts([(one.name or one.scope, one.unarchived) for one in worst]))


def _quality(bulletin: Bulletin) -> Chart:
    return Chart("归档数据质量问题", _counts([(one.label, one.findings) for one in bulletin.quality if one.findings]))


def _counts(counted: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    most = max((count for _, count in counted), default=0)
    return tuple(Bar(label, ((count / most, "plain"),), text(count, "count")) for label, count in counted)


def _ratio(label: str, ratio: float | None, before: float | None = None) -> Bar:
    return Bar(label, ((min(ratio or 0, 1), "plain"),), text(ratio, "ratio"), before)


def _before(one: Standing) -> float | None:
    return None if one.coverage is None or one.coverage_change is None else min(max(one.coverage - one.coverage_change, 0), 1)


def _parts(counts: Sequence[int], legend: Sequence[tuple[Tone, str]], whole: int) -> tuple[tuple[float, Tone], ...]:
    return tuple((count / whole, tone) for count, (tone, _) in zip(counts, legend, strict=True))
