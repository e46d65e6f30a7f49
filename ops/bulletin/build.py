"""A bulletin out of figures. Counts and ratios are taken over as they are: nothing is computed here that another command would."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import orjson

from ops.bulletin import findings as found
from ops.bulletin.figures import Figures, Row
from ops.bulletin.kinds import reason_of
from ops.bulletin.model import Assumption, Bulletin, Excluded, Indicator, ItemCounts, Score, TrendPoint
from ops.bulletin.period import Period
from ops.bulletin.ranking import standings
from ops.bulletin.todo import Todo, todos_by_unit, unit_todos
from streams.domain.items import parse_item
from streams.domain.rules import ASSUMED
from streams.domain.time import iso

TREND = 6
"""Periods in the trend, this one included."""
STEPS = TREND + 4
"""Questions asked of the figures, for a progress bar."""
_SECOND_MS = 1_000
Answer = TypeVar("Answer")
_ITEM_FIELDS = ("scope", "name", "closed", "archived", "unarchived", "refused", "archived_late", "awaiting", "orphan")


class Built(NamedTuple):
    """A bulletin, and the lists of the units by unit code."""

    bulletin: Bulletin
    todos: Mapping[str, Sequence[Todo]]


def build(figures: Figures, period: Period, tell: Callable[[int, int], None] = lambda _done, _total: None) -> Built:
    """Ask for all figures of a period and of those before it.

    Parameters
    ----------
    tell
        Called with questions answered and questions in all.

    Raises
    ------
    ConfigurationError
        The period lies in the future.
    """
    asked = _Asked(tell)
    now_ms = figures.now_ms
    today = dt.date.fromisoformat(iso(now_ms)[:10])
    periods = _back(period)
    before = periods[1]
    covered = [asked(figures.coverage(one.window(now_ms))) for one in periods]
    cities = [of["city"][0] for of in covered]
    districts, districts_before = (of["district"] for of in covered[:2])
    units, units_before = (of["unit"] for of in covered[:2])
    items_counted = covered[0]["item"]
    score_year = min(period.last, today).year
    scored = asked(figures.score(score_year))
    unit_scores, district_scores = scored["unit"], scored["district"]
    items, findings = asked(figures.items()), asked(figures.findings())
    late = asked(figures.late_archives(period.window(now_ms), found.LISTED))
    names = {row["scope"]: row["name"] for row in (*unit_scores, *units, *items_counted)}
    findings, late = _named(findings, names), _named(late, names)
    todos = todos_by_unit(findings, items)
    configuration = tuple(found.configuration(findings, items))
    # A main item over others is archived as these are, and nobody configures it; one outside the eight types is never counted.
    online = [item for item in items if item["expected_online"] and item["leaf"] and parse_item(item["item_code"]).type]
    bulletin = Bulletin(
        period=period.text,
        label=period.label,
        first=str(period.first),
        last=str(period.last),
        previous=before.label,
        as_of=iso(now_ms // _SECOND_MS * _SECOND_MS),
        in_progress=today <= period.last,
        score_year=score_year,
        summary=(
            *_summary(cities[0], cities[1]),
            Indicator("往期遗留未归档", "count", found.carried_over(findings, period), None),
            Indicator("应在线归档事项", "count", len(online), None),
            Indicator("其中已配置", "count", sum(bool(item["configured"]) for item in online), None),
            Indicator("待更正配置", "count", len(configuration), None),
        ),
        trend=tuple(_trend(one, city) for one, city in zip(periods, cities, strict=True))[::-1],
        city=standings(cities[:1], cities[1:2])[0],
        districts=standings(districts, districts_before, district_scores),
        units=standings(units, units_before, unit_scores),
        district_scores=_scores(district_scores),
        unit_scores=_scores(unit_scores),
        items=_items(items_counted),
        configuration=configuration,
        quality=tuple(found.quality(findings, period)),
        late=tuple(found.late_archives(late)),
        orphans=found.orphan_archives(findings, period),
        waived=tuple(found.waived(findings)),
        todos=tuple(unit_todos(todos, {row["unit_code"]: row["unit_name"] for row in findings})),
        excluded=tuple(Excluded(reason, reason_of(reason), cases) for reason, cases in sorted(cities[0]["excluded"].items())),
        assumptions=(
            *(Assumption(name, _written(value)) for name, value in sorted(figures.policy().items())),
            *(Assumption(f"考核得分 {number}", said) for number, (said, _) in enumerate(ASSUMED, 1)),
        ),
    )
    return Built(bulletin, todos)


class _Asked:
    """Counts the questions."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self._tell, self._done = tell, 0

    def __call__(self, answer: Answer) -> Answer:
        self._done += 1
        self._tell(self._done, STEPS)
        return answer


def _named(rows: Sequence[Row], names: Mapping[str, str]) -> list[Row]:
    """Rows with the name of the unit as the figures have it, and of the item, which orphans lack: their codes are never alike."""
    return [
        {
            **row,
            "unit_name": names.get(row["unit_code"]) or row["unit_name"],
            "item_name": row["item_name"] or names.get(row["item_code"], ""),
        }
        for row in rows
    ]


def _back(period: Period) -> list[Period]:
    """The period and those before it, the newest first."""
    periods = [period]
    while len(periods) < TREND:
        periods.append(periods[-1].previous())
    return periods


def _summary(city: Row, before: Row) -> list[Indicator]:
    counts = (
        *(("办结", "closed"), ("已归档", "archived"), ("其中逾期归档", "archived_late"), ("未归档", "unarchived")),
        *(("待归档（未到期或来源未发全）", "awaiting"), ("被退回", "refused"), ("孤立归档", "orphan")),
    )
    ratios = (("归档覆盖率", "coverage"), ("到期覆盖率", "coverage_due"), ("官方口径覆盖率", "official"))
    return [
        *(Indicator(name, "ratio", city[field], before[field]) for name, field in ratios),
        *(Indicator(name, "count", city[field], before[field]) for name, field in counts),
        Indicator("不计入", "count", sum(city["excluded"].values()), sum(before["excluded"].values())),
    ]


def _trend(period: Period, city: Row) -> TrendPoint:
    counts = {name: city[name] for name in ("closed", "archived", "unarchived", "awaiting", "coverage", "coverage_due")}
    return TrendPoint(period=period.text, label=period.label, **counts)


def _scores(rows: Sequence[Row]) -> tuple[Score, ...]:
    scores = (Score(**{name: row[name] for name in Score.__dataclass_fields__}) for row in rows)
    return tuple(sorted(scores, key=lambda score: (-score.total, score.scope)))


def _items(rows: Sequence[Row]) -> tuple[ItemCounts, ...]:
    """All items, the worst first, by counts: most have 14 to 83 cases a year, so that a ratio would rank chance."""
    items = (ItemCounts(**{name: row[name] for name in _ITEM_FIELDS}) for row in rows)
    return tuple(sorted(items, key=lambda item: (-item.unarchived, -item.refused, -item.orphan, -item.archived_late, item.scope)))


def _written(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
